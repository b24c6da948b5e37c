"""Scores of label maps: the generalised zero-shot protocol and the quality of outlines.

ZegCLIP (CVPR 2023) and the works it compares with let all classes compete, seen and unseen, and read
everything from one confusion matrix over the whole split:
pAcc, mIoU, mIoU(S) over seen, mIoU(U) over unseen classes, and hIoU = 2·S·U / (S + U).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class Scores:
    """Figures of one confusion matrix, in percent; NaN where there is nothing to average.

    Attributes:
        p_acc: share of valid pixels with the right class.
        m_iou: mean intersection over union of the classes that occur in the masks.
        m_iou_seen, m_iou_unseen: the same over seen and over unseen classes.
        h_iou: harmonic mean of the two; 0 when one of them is 0.
        per_class: intersection over union by class index; NaN for classes that occur in no mask.

    """

    p_acc: float
    m_iou: float
    m_iou_seen: float
    m_iou_unseen: float
    h_iou: float
    per_class: dict[int, float]


class ConfusionMatrix:
    """Pixel counts by true class (rows) and predicted class (columns).

    The last column counts pixels for which nothing was predicted: they miss their class
    and are no false find of another.
    """

    def __init__(self, num_classes: int) -> None:
        if num_classes < 1:
            raise EvaluationError(f"a confusion matrix needs at least one class, not {num_classes}")
        self.num_classes = num_classes
        self.counts: NDArray[np.int64] = np.zeros((num_classes, num_classes + 1), dtype=np.int64)

    @property
    def nothing(self) -> int:
        """The value in predictions that stands for "nothing predicted here"."""
        return self.num_classes

    def update(
        self, prediction: NDArray[np.integer], target: NDArray[np.integer], ignore_index: int = 255
    ) -> None:
        """Count one image.

        Args:
            prediction: `(H, W)` class indices 0 to `num_classes` - 1, or `nothing`.
            target: `(H, W)` class indices, or `ignore_index` where the pixel counts nowhere.
            ignore_index: see `target`.

        Raises `EvaluationError` for shapes that differ and for values outside these ranges.

        """
        if prediction.shape != target.shape:
            raise EvaluationError(f"prediction {prediction.shape} and mask {target.shape} differ in shape")
        valid = target != ignore_index
        rows = target[valid].astype(np.int64)
        columns = prediction[valid].astype(np.int64)
        _require_range("mask", rows, self.num_classes - 1)
        _require_range("prediction", columns, self.nothing)
        cells = np.bincount(rows * (self.num_classes + 1) + columns, minlength=self.counts.size)
        self.counts += cells.reshape(self.counts.shape)

    def scores(self, seen: Sequence[int] | None = None, unseen: Sequence[int] = ()) -> Scores:
        """Compute all figures; `seen` are by default all classes that are not `unseen`."""
        present = self.counts.sum(axis=1) > 0
        right = np.diagonal(self.counts).astype(np.float64)
        union = self.counts.sum(axis=1) + self.counts[:, : self.num_classes].sum(axis=0) - right
        iou = np.where(present, 100.0 * right / np.maximum(union, 1), np.nan)
        if seen is None:
            seen = [index for index in range(self.num_classes) if index not in set(unseen)]
        total = self.counts.sum()
        over_seen, over_unseen = _mean(iou[list(seen)]), _mean(iou[list(unseen)])
        return Scores(
            p_acc=float(100.0 * right.sum() / total) if total else np.nan,
            m_iou=_mean(iou),
            m_iou_seen=over_seen,
            m_iou_unseen=over_unseen,
            h_iou=harmonic_mean(over_seen, over_unseen),
            per_class={index: float(value) for index, value in enumerate(iou)},
        )


def harmonic_mean(first: float, second: float) -> float:
    """Return `2ab / (a + b)`: 0 when both are 0, NaN when one is NaN."""
    return 2.0 * first * second / (first + second) if first + second else 0.0


def _mean(values: NDArray[np.float64]) -> float:
    finite = values[~np.isnan(values)]
    return float(finite.mean()) if finite.size else float("nan")


def _require_range(what: str, values: NDArray[np.int64], largest: int) -> None:
    if values.size and (values.min() < 0 or values.max() > largest):
        raise EvaluationError(
            f"{what} holds the values {values.min()} to {values.max()}; 0 to {largest} can be counted: "
            "map ids to consecutive class indices first"
        )
