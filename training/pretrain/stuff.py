"""Stuff (sky, grass, water …) in photographs whose masks hold things only: weak labels from place and colour.

The rules look at background pixels alone and only in photographs whose things tell where they were taken:
grass is green ground below cows, sky is smooth, bright and above an aeroplane, walls are above a sofa. They
are right more often than not, which is enough for a model that also sees stuff with proper masks.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from training.dataset_description import DatasetClass
from training.label_mapping import NEGATIVE

STUFF = tuple(
    DatasetClass(index, prompts[0], prompts)
    for index, prompts in enumerate(
        (
            ("sky", "clouds", "blue sky"),
            ("tree", "trees", "bush", "foliage"),
            ("grass", "lawn", "meadow"),
            ("water", "sea", "lake", "river"),
            ("road", "street", "asphalt"),
            ("building", "house", "facade"),
            ("wall", "interior wall"),
            ("floor", "flooring"),
            ("mountain", "hill"),
            ("sand", "beach", "ground"),
            ("snow",),
        )
    )
)
_SKY, _TREE, _GRASS, _WATER, _ROAD, _, _WALL, _FLOOR = range(8)

_INDOORS = {
    *("bottle", "dining table", "diningtable", "sofa", "couch", "tv", "tvmonitor", "bed", "toilet", "laptop"),
    *("keyboard", "microwave", "oven", "sink", "refrigerator", "book", "vase", "cup", "bowl", "wine glass"),
    *("potted plant", "pottedplant", "remote", "mouse"),
}
_ROOMS = {"sofa", "couch", "tv", "tvmonitor", "bed", "toilet", "refrigerator", "oven", "chair"}
_OPEN_AIR = {
    *("aeroplane", "airplane", "boat", "kite", "train", "bus", "truck", "sheep", "cow", "horse", "surfboard"),
    *("giraffe", "elephant", "zebra", "traffic light", "skis", "snowboard", "car", "motorbike", "motorcycle"),
}
_ON_WATER = {"boat", "surfboard"}
_ON_ROADS = {"car", "bus", "truck", "motorbike", "motorcycle", "traffic light", "stop sign"}

_GREEN = 24
_SMOOTH = 6.0
_BRIGHT = 120
_LEAST_SHARE = 0.02


def seed_stuff(
    image: NDArray[np.uint8], labels: NDArray[np.int16], classes: Sequence[DatasetClass]
) -> NDArray[np.int16]:
    """Return targets (H, W) with stuff on background pixels that a rule is sure of.

    Args:
        image: the whole photograph, upright, (H, W, 3).
        labels: its targets; only `NEGATIVE` pixels are changed, to `len(classes)` + place in `STUFF`.
        classes: what the targets stand for.

    """
    present = {classes[number].name for number in np.unique(labels) if number >= 0}
    row = np.linspace(0, 1, labels.shape[0])[:, None]
    red, green, blue = (image[..., channel].astype(np.int16) for channel in range(3))
    verdant = (2 * green - red - blue > _GREEN) & (green >= red) & (green > blue)
    grey = (image.max(axis=2) - image.min(axis=2)) < 40
    smooth = _local_deviation(image) < _SMOOTH
    outdoors = not present & _INDOORS
    open_air = outdoors and bool(present & _OPEN_AIR)
    rooms = bool(present & _ROOMS) and not present & (_OPEN_AIR | _ON_ROADS)
    bright = (image.max(axis=2) > _BRIGHT) & (blue >= red - 12) & (blue >= green - 8)
    rules = (
        (_SKY, open_air, (row < 0.45) & bright & smooth),
        (_TREE, outdoors, (row < 0.35) & verdant & ~smooth),
        (_GRASS, outdoors, (row > 0.5) & verdant),
        (_WATER, outdoors and bool(present & _ON_WATER), (row > 0.65) & ~verdant),
        (_ROAD, outdoors and bool(present & _ON_ROADS), (row > 0.75) & grey & ~verdant),
        (_WALL, rooms, (row < 0.3) & smooth),
        (_FLOOR, rooms, (row > 0.88) & smooth),
    )
    seeded = labels.copy()
    for number, applies, where in rules:
        chosen = where & (labels == NEGATIVE)
        if applies and chosen.mean() > _LEAST_SHARE:
            seeded[chosen] = len(classes) + number
    return seeded


def _local_deviation(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Standard deviation of grey levels in the 9 × 9 neighbourhood of each pixel."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.blur(grey, (9, 9))
    variance = cv2.blur(grey * grey, (9, 9)) - mean * mean
    deviation: NDArray[np.float32] = np.sqrt(np.maximum(variance, 0))
    return deviation
