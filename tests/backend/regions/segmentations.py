"""Segmentations made by hand: what a model would say about a simple picture."""

import numpy as np
from numpy.typing import NDArray

from tests.backend.regions.masks import disk
from zegclip_core.segmentation import Segmentation

HEIGHT, WIDTH = 80, 120
CAR, ROAD, SKY = 1, 2, 3


def label_map() -> NDArray[np.uint16]:
    """Sky above, road below, two cars with a hole in the larger one; the left edge is nothing."""
    found = np.where(np.arange(HEIGHT)[:, None] < 30, SKY, ROAD) * np.ones((1, WIDTH), np.uint16)
    found = found.astype(np.uint16)
    found[disk(HEIGHT, WIDTH, x=40, y=50, radius=18)] = CAR
    found[disk(HEIGHT, WIDTH, x=40, y=50, radius=6)] = ROAD
    found[disk(HEIGHT, WIDTH, x=90, y=60, radius=9)] = CAR
    found[:, :8] = 0
    return found


def segmentation(found: NDArray[np.uint16] | None = None) -> Segmentation:
    """The picture with a confidence of 0.9 on the left and 0.5 on the right half."""
    found = label_map() if found is None else found
    confidence = np.full(found.shape, 0.9, np.float32)
    confidence[:, found.shape[1] // 2 :] = 0.5
    numbers = [int(number) for number in np.unique(found) if number]
    return Segmentation(
        label_map=found,
        confidence=confidence,
        region_scores={number: float(confidence[found == number].mean()) for number in numbers},
        certainty=0.8,
    )
