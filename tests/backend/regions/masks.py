"""Masks that the tests of regions share."""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def disk(height: int, width: int, *, x: float, y: float, radius: float) -> Mask:
    rows, columns = np.mgrid[:height, :width]
    return np.asarray((columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 <= radius**2)


def ring(height: int = 80, width: int = 120) -> Mask:
    """A disk with a hole."""
    return disk(height, width, x=60, y=40, radius=35) & ~disk(height, width, x=55, y=42, radius=12)


def blobs(seed: int, *, height: int, width: int, smoothness: float = 3.0) -> Mask:
    """Half of the pixels, in parts of any form with holes and islands in them."""
    noise = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), smoothness)
    return np.asarray(smooth > np.median(smooth))


def overlap(one: Mask, other: Mask) -> float:
    """Intersection over union."""
    return float((one & other).sum() / max((one | other).sum(), 1))
