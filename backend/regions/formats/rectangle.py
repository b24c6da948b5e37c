"""Rectangles: corner and size in percent, turned clockwise about the upper left corner."""

import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.regions.formats.fields import read_number
from backend.regions.formats.raster import fill_outline


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the smallest upright rectangle around a mask (H, W) that is not empty."""
    height, width = mask.shape
    left, top, wide, high = cv2.boundingRect(mask.astype(np.uint8))
    return {
        "x": 100 * left / width,
        "y": 100 * top / height,
        "width": 100 * wide / width,
        "height": 100 * high / height,
        "rotation": 0,
    }


def decode(value: Mapping[str, Any], *, width: int, height: int) -> NDArray[np.bool_]:
    """Return the mask (H, W); raises `RegionError` for fields that are no percentages."""
    left, top = read_number(value, "x") / 100 * width, read_number(value, "y") / 100 * height
    wide, high = read_number(value, "width") / 100 * width, read_number(value, "height") / 100 * height
    angle = math.radians(read_number(value, "rotation", default=0))
    along = np.array((math.cos(angle), math.sin(angle)))
    down = np.array((-math.sin(angle), math.cos(angle)))
    corner = np.array((left, top))
    outline = np.array(
        [corner, corner + wide * along, corner + wide * along + high * down, corner + high * down]
    )
    return fill_outline(outline, width=width, height=height)
