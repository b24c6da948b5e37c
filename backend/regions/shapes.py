"""Masks before they become regions of one kind or another."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.label_studio.control_options import Output
from backend.label_studio.label_config import Target
from zegclip_core.runs import find_runs
from zegclip_core.segmentation import Segmentation

_CONNECTIVITY = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """One mask with its label; its pixels are made when they are asked for, since there may be hundreds.

    Attributes:
        label: the label's name as results carry it.
        area: pixels.
        score: mean confidence inside, 0..1.
        numbers: (H, W) at the image's displayed size, what each pixel belongs to.
        number: the value in `numbers` that is this shape.

    """

    label: str
    area: int
    score: float
    numbers: NDArray[np.uint16] | NDArray[np.int32]
    number: int

    @property
    def mask(self) -> NDArray[np.bool_]:
        """The shape's pixels (H, W)."""
        mask: NDArray[np.bool_] = self.numbers == self.number
        return mask


def shapes(target: Target, segmentation: Segmentation, *, output: Output) -> list[Shape]:
    """Return a target's shapes that its options let pass: the largest first, at most `max_regions`.

    Args:
        target: labels and options.
        segmentation: of the image with these labels.
        output: one shape for each class, or for each connected component.

    """
    height, width = segmentation.label_map.shape
    smallest = target.options.min_area
    if smallest < 1:
        smallest *= height * width
    kept = [
        shape
        for shape in _all_shapes(target, segmentation, output)
        if shape.area >= max(1, smallest) and shape.score >= target.options.score_threshold
    ]
    return sorted(kept, key=lambda shape: -shape.area)[: target.options.max_regions]


def _all_shapes(target: Target, segmentation: Segmentation, output: Output) -> Iterator[Shape]:
    runs = find_runs(segmentation.label_map)
    areas = np.bincount(runs.labels, runs.lengths, minlength=len(target.labels) + 1)
    for number, label in enumerate(target.labels, start=1):
        if label.is_background or areas[number] == 0:
            continue
        if output == "class":
            score = segmentation.region_scores.get(number, 0.0)
            yield Shape(label.name, int(areas[number]), score, segmentation.label_map, number)
        else:
            yield from _components(label.name, segmentation.mask(number), segmentation.confidence)


def _components(label: str, mask: NDArray[np.bool_], confidence: NDArray[np.float32]) -> Iterator[Shape]:
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=_CONNECTIVITY
    )
    height, width = confidence.shape
    # Confidence is kept at the working size: the components' scores are read there.
    small = cv2.resize(numbers.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
    places = small.astype(np.int64).ravel()
    pixels = np.bincount(places, minlength=count)
    sums = np.bincount(places, weights=confidence.ravel(), minlength=count)
    # A component too thin for the working size takes the mean of the whole image.
    fallback = float(confidence.mean())
    for component in range(1, count):
        score = float(sums[component] / pixels[component]) if pixels[component] else fallback
        area = int(statistics[component, cv2.CC_STAT_AREA])
        yield Shape(label, area, min(score, 1.0), numbers, component)
