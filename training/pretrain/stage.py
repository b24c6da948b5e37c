"""What every stage of pretraining does: steps by a schedule, saved states, going on after a kill."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.errors import DivergedError, TrainingStateError
from training.pretrain.schedule import Schedule
from training.run_files import load_state, save_state


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step showed.

    Attributes:
        step: 1-based.
        loss: the sum that was minimised.
        watched: the part of it that tells most about progress.

    """

    step: int
    loss: float
    watched: float


class Stage(ABC):
    """One run of a stage.

    Args:
        trained: the parameters, by their names in the model's file.
        groups: the same for the optimiser, each group with its `peak` rate.
        schedule: length, warm-up and the rest.

    Attributes:
        step: steps done.

    """

    def __init__(
        self, *, trained: dict[str, nn.Parameter], groups: Sequence[dict[str, Any]], schedule: Schedule
    ) -> None:
        self.trained = trained
        self.optimiser = torch.optim.AdamW(groups, lr=0.0, weight_decay=schedule.weight_decay)
        self.step = 0
        self._schedule = schedule

    def run(
        self,
        folder: Path,
        *,
        stop_after: int | None = None,
        on_step: Callable[[StepReport], object] = lambda _: None,
    ) -> None:
        """Train, going on from the state in `folder` when there is one.

        Args:
            folder: where states are saved.
            stop_after: end after this step although the schedule goes on; None for its end.
            on_step: called after every step.

        Raises `TrainingStateError` for a damaged or foreign state, `DivergedError` for a loss that is no
        number.
        """
        state = load_state(folder)
        if state is not None:
            if state["identity"] != self.identity():
                raise TrainingStateError(
                    f"{folder} holds a run with other data or settings: give another folder, or delete it"
                )
            self.restore(state)
        last = self._schedule.steps if stop_after is None else min(stop_after, self._schedule.steps)
        while self.step < last:
            on_step(self._one_step())
            if self.step % self._schedule.save_every == 0 or self.step == last:
                save_state(folder, {"identity": self.identity(), **self.state()})

    @property
    def kept(self) -> dict[str, Tensor]:
        """What goes into the model's file in the end, by name."""
        return dict(self.trained)

    @abstractmethod
    def loss(self) -> tuple[Tensor, float]:
        """Return the loss of the step that comes now, a scalar, and the part of it that is watched."""

    @abstractmethod
    def identity(self) -> dict[str, str]:
        """Return what a saved state must have been made with to be gone on from."""

    def after_step(self) -> None:  # noqa: B027
        """Do what a stage does besides when the parameters have moved; most do nothing."""

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        return {
            "step": self.step,
            "trained": {name: tensor.detach() for name, tensor in self.trained.items()},
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` was returned from."""
        self.step = int(state["step"])
        with torch.no_grad():
            for name, tensor in self.trained.items():
                tensor.copy_(state["trained"][name])
        self.optimiser.load_state_dict(state["optimiser"])

    def _one_step(self) -> StepReport:
        for group in self.optimiser.param_groups:
            group["lr"] = group["peak"] * self._rate()
        loss, watched = self.loss()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise DivergedError(f"the loss is {value} at step {self.step}: lower the learning rates")
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(list(self.trained.values()), self._schedule.clip)
        self.optimiser.step()
        self.step += 1
        self.after_step()
        return StepReport(self.step, value, watched)

    def _rate(self) -> float:
        """Share of the peak rate: linear warm-up, then half a cosine."""
        warm = min(1.0, (self.step + 1) / max(1, self._schedule.warmup))
        return warm * 0.5 * (1 + math.cos(math.pi * self.step / self._schedule.steps))
