"""One optimiser step: micro-batches, pseudo labels, gradients, weights, and the averaged teacher."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from training.batches import micro_batches
from training.configuration import TrainingConfiguration
from training.errors import DivergedError
from training.label_mapping import LabelMapping
from training.objective import LossSum, summed_loss
from training.phases import PhasePlan
from training.processes import ALONE, Processes
from training.samples import Sample
from training.schedule import learning_rate
from training.self_training import ConfidentLabels, PseudoLabeller, ReleasedLabels
from training.teacher import MovingAverage
from training.views import class_logits
from zegclip_core.zegclip.model import ZegCLIP

# How the names of the backbone's own parameters begin.
TOWER_PREFIX = "encoder.tower."


class Learner:
    """Trains a model's prompts, descriptor and decoder through one phase.

    Every random number of a micro-batch (dropout) starts from seed, step and its place in the batch, so that
    nothing but weights has to be kept for a run to go on as if it had never stopped, and no number depends on
    which process computes it.

    Args:
        model: whose trained parameters require gradient; it stays in training mode.
        configuration: of the run.
        plan: the phase.
        mapping: queries and targets of the phase.
        text: text features of the phase's queries (C, D).
        processes: share every batch.

    """

    def __init__(
        self,
        *,
        model: ZegCLIP,
        configuration: TrainingConfiguration,
        plan: PhasePlan,
        mapping: LabelMapping,
        text: Tensor,
        processes: Processes = ALONE,
    ) -> None:
        self.processes = processes
        self.first_part = processes.share(micro_batches(configuration)).start
        self.model = model
        self.configuration = configuration
        self.plan = plan
        self.text = text
        self.optimiser = _optimiser(model, configuration)
        self.labeller = _labeller(plan, mapping, configuration)
        self.teacher = (
            MovingAverage(model, decay=configuration.self_training.teacher_decay)
            if isinstance(self.labeller, ConfidentLabels)
            else None
        )

    def rate(self, step: int) -> float:
        """Return the learning rate of a step of the phase, from 0."""
        settings = self.configuration.optimisation
        return learning_rate(step, iterations=self.plan.schedule, settings=settings)

    def step(self, step: int, batch: Sequence[Sample]) -> float:
        """Learn from this process's share of a batch, and return the loss of the whole batch.

        The share is given in micro-batches of stacked samples. Raises `DivergedError` when the loss is no
        finite number; the weights are then as before.
        """
        self._set_rate(self.rate(step))
        self.optimiser.zero_grad(set_to_none=True)
        total, count = 0.0, 0.0
        parameters = [one for group in self.optimiser.param_groups for one in group["params"]]
        device = self.text.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            for place, (views, targets) in enumerate(batch, start=self.first_part):
                torch.manual_seed(self._seed(step, place))
                part = self._part(views, targets.to(device))
                part.total.backward()  # type: ignore[no-untyped-call]
                total, count = total + float(part.total.detach()), count + part.count
        gradients = [one.grad for one in parameters if one.grad is not None]
        self.processes.add_up(gradients)
        sums = torch.tensor([total, count], dtype=torch.float64, device=device)
        self.processes.add_up([sums])
        total, count = float(sums[0]), float(sums[1])
        loss = total / max(count, 1.0)
        if not math.isfinite(loss):
            raise DivergedError(
                f"the loss is {loss} at step {self.plan.first + step + 1}: lower optimisation.learning_rate "
                "or lengthen optimisation.warmup, and start again in a new folder"
            )
        for gradient in gradients:
            gradient /= max(count, 1.0)
        self.optimiser.step()
        if self.labeller is not None:
            self.labeller.meet(self.processes)
        if self.teacher is not None:
            self.teacher.follow()
        return loss

    def state(self) -> dict[str, Any]:
        """What a resumed phase needs beside the model's own weights."""
        return {
            "optimiser": self.optimiser.state_dict(),
            "labeller": self.labeller.state() if self.labeller else {},
            "teacher": self.teacher.state() if self.teacher else {},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self.optimiser.load_state_dict(dict(state["optimiser"]))
        if self.labeller:
            self.labeller.restore(state["labeller"])
        if self.teacher:
            self.teacher.restore(state["teacher"])

    def _part(self, views: Mapping[str, Tensor], targets: Tensor) -> LossSum:
        """Compute the loss of a micro-batch."""
        settings = self.configuration
        stride = settings.loss.target_stride
        targets = targets[:, stride // 2 :: stride, stride // 2 :: stride]
        with training_precision(settings.optimisation.precision, self.text.device):
            guess = self._teach(views)
            logits = class_logits(self.model, views, self.text)
            guess = logits.detach() if guess is None else guess
        if self.labeller is not None:
            wide = F.interpolate(guess.float(), size=targets.shape[-2:], mode="bilinear")
            targets = self.labeller.fill(targets, wide.sigmoid())
        none_class = settings.data.background == "negative"
        return summed_loss(logits, targets, settings=settings.loss, none_class=none_class)

    def _teach(self, views: Mapping[str, Tensor]) -> Tensor | None:
        if self.teacher is None:
            return None
        with self.teacher.weights(), torch.no_grad():
            return class_logits(self.model, views, self.text)

    def _set_rate(self, rate: float) -> None:
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["scale"]

    def _seed(self, step: int, place: int) -> int:
        text = f"{self.configuration.seed} {self.plan.first + step} {place}"
        digest = hashlib.sha256(text.encode()).digest()
        return int.from_bytes(digest[:7])


def training_precision(
    wish: Literal["auto", "float32", "bfloat16"], device: torch.device
) -> AbstractContextManager[object]:
    """Return the context of a forward pass: bfloat16 on CUDA for "auto", float32 elsewhere.

    bfloat16 has the range of float32, so that no loss scaling is needed.
    """
    if wish == "bfloat16" or (wish == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported()):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()


def _optimiser(model: ZegCLIP, configuration: TrainingConfiguration) -> torch.optim.AdamW:
    """AdamW over the trained parameters; blocks of the tower, where they are tuned, learn more slowly."""
    settings = configuration.optimisation
    tower: list[torch.nn.Parameter] = []
    other: list[torch.nn.Parameter] = []
    for name, parameter in model.learned_parameters():
        (tower if name.startswith(TOWER_PREFIX) else other).append(parameter)
    groups: list[dict[str, Any]] = [{"params": other, "scale": 1.0}]
    if tower:
        groups.append({"params": tower, "scale": settings.tower_rate_scale})
    return torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)


def _labeller(
    plan: PhasePlan, mapping: LabelMapping, configuration: TrainingConfiguration
) -> PseudoLabeller | None:
    if plan.phase != "self_training":
        return None
    if configuration.self_training.scheme == "released":
        return ReleasedLabels(mapping.unseen)
    return ConfidentLabels(mapping.unseen, settings=configuration.self_training)
