"""Pseudo labels of unseen classes (ZegCLIP, section 3.5): as released, and with an averaged teacher.

In transductive training the names of unseen classes are known, and which pixels belong to none of the seen
classes; which unseen class such a pixel shows is not.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from training.label_mapping import UNLABELLED
from training.setting_groups import SelfTrainingSettings

# A pixel that counts nowhere, also where ignored pixels count as negatives: nobody knows what it shows.
UNSURE = -4
_CLASS_CERTAINTY_DECAY = 0.99


class PseudoLabeller(Protocol):
    """Fills unlabelled pixels."""

    def fill(self, targets: Tensor, probabilities: Tensor) -> Tensor:
        """Return targets (B, H, W) whose `UNLABELLED` pixels hold an unseen query or `UNSURE`.

        `probabilities` (B, C, H, W) are those of all queries, 0 to 1.
        """
        ...

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        ...


class ReleasedLabels:
    """The most probable unseen class, on every unlabelled pixel, as in ZegCLIP's released code.

    Args:
        unseen: query indices of the unseen classes.

    """

    def __init__(self, unseen: Sequence[int]) -> None:
        self.unseen = torch.tensor(unseen)

    def fill(self, targets: Tensor, probabilities: Tensor) -> Tensor:
        """Write the most probable unseen query on every unlabelled pixel."""
        best = self.unseen.to(targets.device)[probabilities[:, self.unseen].argmax(dim=1)]
        return torch.where(targets == UNLABELLED, best, targets)

    def state(self) -> dict[str, Any]:
        """Nothing is remembered."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered."""


class ConfidentLabels:
    """The most probable unseen class where it is probable enough; all other unlabelled pixels stay out.

    The threshold of a class follows how sure the teacher is of that class: `confidence` for the class it is
    surest of, lower for others (curriculum thresholds of Zhang et al., "FlexMatch", NeurIPS 2021), so that
    rare classes are not starved.

    Args:
        unseen: query indices of the unseen classes.
        settings: `confidence` and `balance`.

    """

    def __init__(self, unseen: Sequence[int], *, settings: SelfTrainingSettings) -> None:
        self.unseen = torch.tensor(unseen)
        self.settings = settings
        self.certainty = torch.full((len(unseen),), settings.confidence)

    def thresholds(self) -> Tensor:
        """The probability that each unseen class needs, (U,)."""
        relative = self.certainty / self.certainty.max().clamp_min(1e-6)
        return self.settings.confidence * relative**self.settings.balance

    def fill(self, targets: Tensor, probabilities: Tensor) -> Tensor:
        """Write sure pixels, mark the others `UNSURE`, and follow how sure the classes are."""
        highest, place = probabilities[:, self.unseen].max(dim=1)
        unlabelled = targets == UNLABELLED
        thresholds = self.thresholds().to(targets.device)
        sure = highest >= thresholds[place]
        best = torch.where(sure, self.unseen.to(targets.device)[place], UNSURE)
        self._follow(highest[unlabelled], place[unlabelled])
        return torch.where(unlabelled, best, targets)

    def state(self) -> dict[str, Any]:
        """How sure the teacher is of each class."""
        return {"certainty": self.certainty.clone()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self.certainty = state["certainty"].clone()

    def _follow(self, highest: Tensor, place: Tensor) -> None:
        counts = torch.bincount(place, minlength=len(self.unseen)).cpu()
        sums = torch.zeros(len(self.unseen)).index_add_(0, place.cpu(), highest.float().cpu())
        means = sums / counts.clamp_min(1)
        moved = _CLASS_CERTAINTY_DECAY * self.certainty + (1 - _CLASS_CERTAINTY_DECAY) * means
        self.certainty = torch.where(counts > 0, moved, self.certainty)
