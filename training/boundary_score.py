"""How well outlines are followed: the boundary F-score.

Per image and class, precision is the share of predicted outline pixels that lie near the true outline,
recall the share of true outline pixels that lie near the predicted one, F their harmonic mean; the figure
is the mean over the classes of an image, then over images (Csurka et al., "What is a good evaluation
measure for semantic segmentation?", BMVC 2013). Near means within a fraction of the image's diagonal.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.errors import EvaluationError
from training.metrics import harmonic_mean

DEFAULT_TOLERANCE = 0.0075
Mask = NDArray[np.bool_]


def outline(mask: Mask) -> Mask:
    """Return the pixels of a mask `(H, W)` that touch a pixel outside it (4 neighbours).

    The image's border is no outline: an object that leaves the picture ends there without a visible edge.
    """
    padded = np.pad(mask, 1, mode="edge")
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def fill_ignored(target: NDArray[np.integer], ignore_index: int) -> NDArray[np.integer]:
    """Give ignored pixels the class of the nearest valid pixel, so that an ignored rim is no outline."""
    ignored = (target == ignore_index).astype(np.uint8)
    if not ignored.any() or ignored.all():
        return target
    _, nearest = cv2.distanceTransformWithLabels(ignored, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    table = np.zeros(int(nearest.max()) + 1, dtype=target.dtype)
    table[nearest[ignored == 0]] = target[ignored == 0]
    return table[nearest]


def boundary_f(prediction: Mask, target: Mask, *, tolerance: float, counted: Mask | None = None) -> float:
    """Return the boundary F-score of one class in one image, 0 to 1; NaN when neither has an outline.

    Args:
        prediction, target: `(H, W)` pixels of the class.
        tolerance: how far apart two outlines may lie, in pixels.
        counted: outline pixels outside of it are left out.

    """
    found, wanted = outline(prediction), outline(target)
    precision = _share_near(found if counted is None else found & counted, wanted, tolerance)
    recall = _share_near(wanted if counted is None else wanted & counted, found, tolerance)
    if np.isnan(precision) and np.isnan(recall):
        return float("nan")
    return float(harmonic_mean(np.nan_to_num(precision), np.nan_to_num(recall)))


class BoundaryScore:
    """Collects the boundary F-score over the images of a split."""

    def __init__(self, *, tolerance: float = DEFAULT_TOLERANCE) -> None:
        """`tolerance` is a fraction of the image's diagonal, above 0 and below 1."""
        if not 0.0 < tolerance < 1.0:
            raise EvaluationError(f"the tolerance is a fraction of the diagonal, 0 to 1, not {tolerance}")
        self.tolerance = tolerance
        self.by_class: dict[int, list[float]] = {}
        self.by_image: list[float] = []

    def update(
        self,
        prediction: NDArray[np.integer],
        target: NDArray[np.integer],
        ignore_index: int = 255,
        *,
        skip: frozenset[int] = frozenset(),
    ) -> None:
        """Count one image `(H, W)`; classes in `skip` and classes without pixels in `target` are left out."""
        if prediction.shape != target.shape:
            raise EvaluationError(f"prediction {prediction.shape} and mask {target.shape} differ in shape")
        reach = self.tolerance * float(np.hypot(target.shape[0], target.shape[1]))
        valid = target != ignore_index
        counted = _near(valid, reach)
        filled = fill_ignored(target, ignore_index)
        values = {}
        for index in np.unique(target[valid]).tolist():
            if index not in skip:
                values[index] = boundary_f(
                    prediction == index, filled == index, tolerance=reach, counted=counted
                )
        measured = {index: value for index, value in values.items() if not np.isnan(value)}
        for index, value in measured.items():
            self.by_class.setdefault(index, []).append(value)
        if measured:
            self.by_image.append(float(np.mean(list(measured.values()))))

    def score(self) -> float:
        """Return the mean over images in percent; NaN when no image has an outline."""
        return 100.0 * float(np.mean(self.by_image)) if self.by_image else float("nan")

    def per_class(self) -> dict[int, float]:
        """Return the mean per class in percent, for classes with an outline in at least one mask."""
        return {index: 100.0 * float(np.mean(values)) for index, values in sorted(self.by_class.items())}


def _near(mask: Mask, reach: float) -> Mask:
    """Return the pixels within `reach` of a pixel of `mask`."""
    if not mask.any():
        return mask
    distance = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= reach)


def _share_near(pixels: Mask, others: Mask, reach: float) -> float:
    number = int(pixels.sum())
    return float((pixels & _near(others, reach)).sum() / number) if number else float("nan")
