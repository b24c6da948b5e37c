"""Pseudo labels of unseen classes (ZegCLIP, transductive): as released, and with an averaged teacher.

In transductive training the names of unseen classes are known, and which pixels belong to none of the seen
classes; which unseen class such a pixel shows is not.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from training.label_mapping import UNLABELLED
from training.processes import Processes
from training.setting_groups import SelfTrainingSettings

# A pixel that counts nowhere, also where ignored pixels count as negatives: nobody knows what it shows.
UNSURE = -4
_THRESHOLD_DECAY = 0.9


class PseudoLabeller(Protocol):
    """Fills unlabelled pixels."""

    def fill(self, targets: Tensor, probabilities: Tensor) -> Tensor:
        """Return targets (B, H, W) whose `UNLABELLED` pixels hold an unseen query or `UNSURE`.

        `probabilities` (B, C, H, W) are those of all queries, 0 to 1.
        """
        ...

    def meet(self, processes: Processes) -> None:
        """Become the same in all processes, after each has filled its share of a batch."""
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

    def meet(self, processes: Processes) -> None:
        """Nothing is remembered."""

    def state(self) -> dict[str, Any]:
        """Nothing is remembered."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing is remembered."""


class ConfidentLabels:
    """The most probable unseen class where it is surest of it; all other unlabelled pixels stay out.

    How sure is sure enough, each class decides for itself: the surest `kept_share` of the pixels that it wins
    is written (class-balanced self-training, Zou et al., ECCV 2018). A fixed probability would starve classes
    that the model has not begun to believe in, and without a pixel of their own they only ever unlearn.

    Args:
        unseen: query indices of the unseen classes.
        settings: `kept_share` and `balance`.

    """

    def __init__(self, unseen: Sequence[int], *, settings: SelfTrainingSettings) -> None:
        self.unseen = torch.tensor(unseen)
        self.settings = settings
        # Of all unseen classes together, and of each; not a number until it has won its first pixels.
        self.common = torch.full((1,), torch.nan)
        self.own = torch.full((len(unseen),), torch.nan)

    def thresholds(self) -> Tensor:
        """The probability that each unseen class needs, (U,)."""
        balance = self.settings.balance
        return self.common ** (1 - balance) * self.own**balance

    def fill(self, targets: Tensor, probabilities: Tensor) -> Tensor:
        """Write sure pixels, mark the others `UNSURE`, and follow how sure the classes are."""
        highest, place = probabilities[:, self.unseen].max(dim=1)
        unlabelled = targets == UNLABELLED
        self._follow(highest[unlabelled].float().cpu(), place[unlabelled].cpu())
        sure = highest >= self.thresholds().to(targets.device)[place]
        best = torch.where(sure, self.unseen.to(targets.device)[place], UNSURE)
        return torch.where(unlabelled, best, targets)

    def meet(self, processes: Processes) -> None:
        """Take the mean over the processes; one in which a class has won nothing yet does not count."""
        if processes.count == 1:
            return
        values = torch.cat([self.common, self.own]).double()
        known = (~values.isnan()).double()
        sums = values.nan_to_num()
        processes.add_up([sums, known])
        mean = (sums / known).float()
        self.common, self.own = mean[:1], mean[1:]

    def state(self) -> dict[str, Any]:
        """How sure the teacher is of each class."""
        return {"common": self.common.clone(), "own": self.own.clone()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave."""
        self.common, self.own = state["common"].clone(), state["own"].clone()

    def _follow(self, highest: Tensor, place: Tensor) -> None:
        self.common = _followed(self.common, [self._quantile(highest)])
        classes = range(len(self.unseen))
        self.own = _followed(self.own, [self._quantile(highest[place == one]) for one in classes])

    def _quantile(self, probabilities: Tensor) -> float:
        """The smallest of the surest `kept_share`; not a number without pixels."""
        kept = math.ceil(self.settings.kept_share * len(probabilities))
        if not kept:
            return math.nan
        return float(probabilities.kthvalue(len(probabilities) - kept + 1).values)


def _followed(before: Tensor, now: Sequence[float]) -> Tensor:
    """Running means; a first value counts in full, a missing one not at all."""
    values = torch.tensor(now)
    mean = _THRESHOLD_DECAY * before + (1 - _THRESHOLD_DECAY) * values
    return torch.where(values.isnan(), before, torch.where(before.isnan(), values, mean))
