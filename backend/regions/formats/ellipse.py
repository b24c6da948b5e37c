"""Ellipses: centre and radii in percent, turned clockwise about the centre."""

import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.regions.errors import RegionError
from backend.regions.formats.fields import read_number

_LARGEST_RADIUS = 50.0
# Variance along an axis of a uniform ellipse is a quarter of its squared radius; of a pixel, a twelfth.
_RADII_PER_DEVIATION = 2.0
_PIXEL_VARIANCE = 1 / 12


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the ellipse with the area moments of a mask (H, W) that is not empty."""
    height, width = mask.shape
    moments = cv2.moments(mask.astype(np.uint8), binaryImage=True)
    area = moments["m00"]
    xx, yy = moments["mu20"] / area + _PIXEL_VARIANCE, moments["mu02"] / area + _PIXEL_VARIANCE
    xy = moments["mu11"] / area
    spread = math.hypot((xx - yy) / 2, xy)
    middle = (xx + yy) / 2
    longer = _RADII_PER_DEVIATION * math.sqrt(middle + spread)
    shorter = _RADII_PER_DEVIATION * math.sqrt(max(middle - spread, _PIXEL_VARIANCE))
    return {
        "x": 100 * (moments["m10"] / area + 0.5) / width,
        "y": 100 * (moments["m01"] / area + 0.5) / height,
        "radiusX": min(100 * longer / width, _LARGEST_RADIUS),
        "radiusY": min(100 * shorter / height, _LARGEST_RADIUS),
        "rotation": math.degrees(math.atan2(2 * xy, xx - yy) / 2) % 360,
    }


def decode(value: Mapping[str, Any], *, width: int, height: int) -> NDArray[np.bool_]:
    """Return the mask (H, W); raises `RegionError` for fields that are no percentages."""
    x, y = read_number(value, "x") / 100 * width, read_number(value, "y") / 100 * height
    along = read_number(value, "radiusX") / 100 * width
    across = read_number(value, "radiusY") / 100 * height
    if along <= 0 or across <= 0:
        raise RegionError("an ellipse needs radii above 0")
    angle = math.radians(read_number(value, "rotation", default=0))
    reach = max(along, across)
    left, right = (int(min(max(end, 0), width)) for end in (x - reach, x + reach + 1))
    top, bottom = (int(min(max(end, 0), height)) for end in (y - reach, y + reach + 1))
    ahead = np.arange(left, right) + 0.5 - x
    down = (np.arange(top, bottom) + 0.5 - y)[:, None]
    forward = ahead * math.cos(angle) + down * math.sin(angle)
    sideways = down * math.cos(angle) - ahead * math.sin(angle)
    mask = np.zeros((height, width), np.bool_)
    mask[top:bottom, left:right] = (forward / along) ** 2 + (sideways / across) ** 2 <= 1
    return mask
