"""A teacher: the running mean of the learned parameters (Tarvainen, Valpola, "Mean teachers", 2017)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from zegclip_core.zegclip.model import ZegCLIP


def mean_decay(decay: float, steps: int) -> float:
    """Return the weight of the past in a running mean after `steps` steps, `decay` at most.

    At the beginning the mean forgets faster, so that it does not lag behind the start.
    """
    return min(decay, (1 + steps) / (10 + steps))


class MovingAverage:
    """Keeps the running mean of a model's learned parameters; the frozen backbone is shared.

    Args:
        model: the student.
        decay: weight of the past at each step; early steps count more (decay at most (1 + n) / (10 + n)).

    """

    def __init__(self, model: ZegCLIP, *, decay: float) -> None:
        self.model = model
        self.decay = decay
        self.steps = 0
        self.mean = {name: one.detach().clone() for name, one in model.learned_parameters()}

    @torch.no_grad()
    def follow(self) -> None:
        """Move a step towards the student."""
        decay = mean_decay(self.decay, self.steps)
        self.steps += 1
        for name, parameter in self.model.learned_parameters():
            self.mean[name].lerp_(parameter.detach(), 1 - decay)

    @contextmanager
    def weights(self) -> Iterator[None]:
        """Lend the mean to the model, without dropout; the student comes back afterwards."""
        parameters = dict(self.model.learned_parameters())
        student = {name: parameter.data for name, parameter in parameters.items()}
        for name, parameter in parameters.items():
            parameter.data = self.mean[name]
        self.model.train(False)
        try:
            yield
        finally:
            for name, parameter in parameters.items():
                parameter.data = student[name]
            self.model.train()

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return {"steps": self.steps, "mean": dict(self.mean)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self.steps = int(state["steps"])
        for name, mean in self.mean.items():
            mean.copy_(state["mean"][name])
