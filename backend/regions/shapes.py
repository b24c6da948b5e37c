"""Masks before they become regions of one kind or another."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.label_studio.label_config import Target
from zegclip_core.segmentation import Segmentation

_CONNECTIVITY = 8


@dataclass(frozen=True, slots=True)
class Shape:
    """One mask with its label.

    Attributes:
        label: the label's name as results carry it.
        mask: (H, W) at the image's displayed size.
        area: pixels.
        score: mean confidence inside, 0..1.

    """

    label: str
    mask: NDArray[np.bool_]
    area: int
    score: float


def shapes(target: Target, segmentation: Segmentation) -> list[Shape]:
    """Return a target's shapes that its options let pass: the largest first, at most `max_regions`."""
    height, width = segmentation.label_map.shape
    smallest = target.options.min_area
    if smallest < 1:
        smallest *= height * width
    kept = [
        shape
        for shape in _all_shapes(target, segmentation)
        if shape.area >= max(1, smallest) and shape.score >= target.options.score_threshold
    ]
    return sorted(kept, key=lambda shape: -shape.area)[: target.options.max_regions]


def _all_shapes(target: Target, segmentation: Segmentation) -> Iterator[Shape]:
    for number, label in enumerate(target.labels, start=1):
        if label.is_background or number not in segmentation.region_scores:
            continue
        mask = segmentation.mask(number)
        if target.options.output == "class":
            area = int(np.count_nonzero(mask))
            yield Shape(label.name, mask, area, segmentation.region_scores[number])
        else:
            yield from _components(label.name, mask, segmentation)


def _components(label: str, mask: NDArray[np.bool_], segmentation: Segmentation) -> Iterator[Shape]:
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=_CONNECTIVITY
    )
    small = segmentation.confidence
    # Confidence is kept at the working size: the component's score is read there.
    at_working_size = cv2.resize(
        numbers.astype(np.float32), (small.shape[1], small.shape[0]), interpolation=cv2.INTER_NEAREST
    )
    for component in range(1, count):
        inside = small[at_working_size == component]
        score = float(inside.mean()) if inside.size else float(small.mean())
        yield Shape(label, numbers == component, int(statistics[component, cv2.CC_STAT_AREA]), score)
