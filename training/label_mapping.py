"""From mask values to training targets, for each way of training."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.dataset_description import DatasetClass, DatasetDescription
from training.errors import ConfigurationError

IGNORED = -1
NEGATIVE = -2
UNLABELLED = -3

Phase = Literal["inductive", "self_training", "fully"]


@dataclass(frozen=True, slots=True)
class LabelMapping:
    """Which class each query stands for, and what each mask value becomes.

    Targets are query indices from 0, or `IGNORED` (counts nowhere), `NEGATIVE` (a pixel of none of the
    classes) or `UNLABELLED` (a pixel of some unseen class, which one is not known).

    Attributes:
        classes: the class of each query, in query order.
        seen: query indices of classes with labels.
        unseen: query indices of classes without labels; empty unless the phase is "self_training".
        table: target of each mask value, (65536,) int16.

    """

    classes: tuple[DatasetClass, ...]
    seen: tuple[int, ...]
    unseen: tuple[int, ...]
    table: NDArray[np.int16]

    def targets(self, mask: NDArray[np.uint16]) -> NDArray[np.int16]:
        """Map a mask (H, W) of the data set to targets (H, W)."""
        mapped: NDArray[np.int16] = self.table[mask]
        return mapped


def map_labels(
    description: DatasetDescription, phase: Phase, *, background: Literal["ignore", "negative"]
) -> LabelMapping:
    """Choose queries and targets for a phase of training.

    "inductive": queries and targets of seen classes only, pixels of unseen classes are ignored (as in
    ZegCLIP). "self_training": queries of all classes, pixels of unseen classes are unlabelled.
    "fully": queries and targets of all classes.

    Raises `ConfigurationError` when the phase needs seen or unseen classes and there are none.
    """
    hidden = () if phase == "fully" else description.unseen
    foreground = description.foreground
    classes = foreground
    if phase == "inductive":
        classes = tuple(one for one in foreground if one.name not in hidden)
    seen = tuple(query for query, one in enumerate(classes) if one.name not in hidden)
    if not seen:
        raise ConfigurationError(f"{description.name}: every class is unseen, so there is nothing to learn")
    if phase == "self_training" and len(seen) == len(classes):
        raise ConfigurationError(
            f"{description.name} has no unseen class: transductive training needs 'unseen' in dataset.json, "
            "or use --mode fully"
        )
    table = np.full(1 << 16, IGNORED, dtype=np.int16)
    for one in foreground:
        if one.name in hidden:
            table[one.index] = UNLABELLED if phase == "self_training" else IGNORED
    for query in seen:
        table[classes[query].index] = query
    if description.background is not None and background == "negative":
        table[description.background.index] = NEGATIVE
    unseen = tuple(query for query in range(len(classes)) if query not in seen)
    return LabelMapping(classes, seen, unseen, table)
