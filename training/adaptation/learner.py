"""One optimiser step of an adaptation, and the averaged teacher."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from training.adaptation.objective import (
    corrected_loss,
    label_logits,
    none_loss,
    pseudo_labels,
    pseudo_loss,
)
from training.adaptation.settings import AdaptationSettings
from training.adaptation.views import AdaptationViews
from training.errors import DivergedError
from training.schedule import learning_rate
from training.setting_groups import OptimisationSettings
from training.teacher import mean_decay
from zegclip_core.adaptation.model import Adaptation


class AdaptationLearner:
    """Learns from corrected images, and from others by the labels that the teacher guesses.

    Every random choice of a step starts from seed and step.

    Args:
        adaptation: what is learned.
        untrained: the same before any training.
        text: features of the labels' words (P, D).
        owners: the label of each word (P,).
        labels: how many labels there are.
        unseen: those that no correction teaches.
        with_none: whether an image may show none of the labels, that is, whether a background is declared.
        views: the images.
        settings: of the run.

    """

    def __init__(
        self,
        *,
        adaptation: Adaptation,
        untrained: Adaptation,
        text: Tensor,
        owners: Tensor,
        labels: int,
        unseen: Sequence[int],
        with_none: bool,
        views: AdaptationViews,
        settings: AdaptationSettings,
    ) -> None:
        self.adaptation = adaptation
        self.untrained = untrained
        self.text = text
        self.owners = owners
        self.labels = labels
        self.unseen = unseen
        self.with_none = with_none
        self.views = views
        self.settings = settings
        self.teacher = AveragedModel(adaptation, avg_fn=self._average)
        self.optimiser = _optimiser(adaptation, settings)
        self.schedule = OptimisationSettings(
            learning_rate=settings.learning_rate,
            warmup=max(1, round(settings.warmup * settings.iterations)),
        )

    @property
    def averaged(self) -> Adaptation:
        """The teacher: the running mean of what was learned."""
        module = self.teacher.module
        if not isinstance(module, Adaptation):
            raise TypeError(f"a {type(module).__name__} cannot teach an adaptation")
        return module

    def rate(self, step: int) -> float:
        """Return the learning rate of a step from 0."""
        return learning_rate(step, iterations=self.settings.iterations, settings=self.schedule)

    def step(self, step: int) -> float:
        """Take a step and return its loss; raises `DivergedError` when that is no finite number."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate(step) * group["scale"]
        generator = np.random.default_rng([self.settings.seed, step])
        self.optimiser.zero_grad(set_to_none=True)
        loss = 0.0
        for part in self._losses(generator):
            part.backward()  # type: ignore[no-untyped-call]
            loss += float(part.detach())
        if not math.isfinite(loss):
            raise DivergedError(f"the loss is {loss} at step {step + 1}: lower the learning rate")
        self.optimiser.step()
        self.teacher.update_parameters(self.adaptation)
        return loss

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs."""
        return {
            "adaptation": self.adaptation.state_dict(),
            "teacher": self.teacher.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self.adaptation.load_state_dict(state["adaptation"])
        self.teacher.load_state_dict(state["teacher"])
        self.optimiser.load_state_dict(state["optimiser"])

    def logits(self, adaptation: Adaptation, patches: Tensor) -> Tensor:
        """Return the logits of what competes (1, N, h, w) on patches (1, D, h, w); "none" comes last."""
        words, none = adaptation.scores(patches, self.text)
        logits = label_logits(words, none, self.owners, self.labels)
        return logits if self.with_none else logits[:, :-1]

    def _losses(self, generator: np.random.Generator) -> Iterator[Tensor]:
        """Yield the weighted loss of one image after the other, so that one graph is kept at a time."""
        settings = self.settings
        for _ in range(settings.images):
            group = self.views.by_label[int(generator.integers(len(self.views.by_label)))]
            patches, targets = self._draw(group, generator)
            logits = self.logits(self.adaptation, patches)
            loss = corrected_loss(logits, targets)
            if not self.with_none:
                features = self.adaptation.move(patches).detach()
                loss = loss + none_loss(self.adaptation.none(features), logits, targets)
            yield loss / settings.images
        for _ in range(settings.unlabelled_images if self.unseen and self.views.unlabelled else 0):
            patches, _ = self._draw(self.views.unlabelled, generator)
            with torch.no_grad():
                guesses = pseudo_labels(
                    self.logits(self.averaged, patches),
                    self.logits(self.untrained, patches),
                    unseen=self.unseen,
                    confidence=settings.confidence,
                )
            guessed = pseudo_loss(self.logits(self.adaptation, patches), guesses)
            yield settings.unlabelled_weight * guessed / settings.unlabelled_images

    def _draw(self, ids: Sequence[str], generator: np.random.Generator) -> tuple[Tensor, Tensor]:
        image_id = ids[int(generator.integers(len(ids)))]
        patches, targets = self.views.view(image_id, mirrored=bool(generator.random() < 0.5))
        return patches.to(self.text.device), targets.to(self.text.device)

    def _average(self, mean: Tensor, new: Tensor, steps: Tensor | int) -> Tensor:
        return mean.lerp(new, 1 - mean_decay(self.settings.teacher_decay, int(steps)))


def _optimiser(adaptation: Adaptation, settings: AdaptationSettings) -> torch.optim.AdamW:
    adapter = [*adaptation.expand.parameters(), *adaptation.contract.parameters()]
    return torch.optim.AdamW(
        [
            {"params": [adaptation.offsets, adaptation.none_offset], "scale": 1.0, "weight_decay": 0.0},
            {
                "params": [adaptation.biases, adaptation.none_bias],
                "scale": settings.bias_rate_scale,
                "weight_decay": 0.0,
            },
            {"params": adapter, "scale": settings.adapter_rate_scale},
        ],
        lr=settings.learning_rate,
        weight_decay=0.01,
    )
