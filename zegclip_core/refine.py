"""Edges of masks follow those of the image: the guided filter (He, Sun, Tang, TPAMI 2013), colour guide.

Its linear functions are found at a reduced size and applied at full size (He, Sun, Fast Guided Filter, 2015).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]
_COLOURS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class GuidedFilterOptions:
    """How far and how strictly masks follow the image.

    Attributes:
        radius: half the side of the box, as a fraction of the image's longer side.
        epsilon: below this variance of the guide (values 0..1) an area counts as flat and is smoothed.
        side: longer side in pixels at which the linear functions are found.

    """

    radius: float = 0.1
    epsilon: float = 1e-4
    side: int = 256


class GuidedFilter:
    """Filters any number of maps by one image; what depends on the image alone is computed once.

    Args:
        guide: the image (H, W, 3) uint8.
        options: radius and strictness.

    """

    def __init__(self, guide: NDArray[np.uint8], *, options: GuidedFilterOptions) -> None:
        self._guide: Map = guide.astype(np.float32) / np.float32(255)
        height, width = guide.shape[:2]
        scale = min(1.0, options.side / max(height, width))
        self._size = (max(1, round(width * scale)), max(1, round(height * scale)))
        self._small = _resized(self._guide, self._size, cv2.INTER_AREA)
        side = 2 * max(1, round(options.radius * max(self._size))) + 1
        self._box = (side, side)
        self._mean = self._blur(self._small)
        self._inverse = self._inverse_covariance(options.epsilon)

    def filter(self, values: Map) -> Map:
        """Return a map (H, W) float32 that is, in every box, a linear function of the guide's colours."""
        small = _resized(values, self._size, cv2.INTER_AREA)
        blurred = self._blur(cv2.merge([*cv2.split(self._small * small[:, :, None]), small]))
        mean = blurred[:, :, _COLOURS]
        covariance = [blurred[:, :, i] - self._mean[:, :, i] * mean for i in range(_COLOURS)]
        slopes = [sum(self._inverse[i][j] * covariance[j] for j in range(_COLOURS)) for i in range(_COLOURS)]
        offset = mean - sum(slopes[i] * self._mean[:, :, i] for i in range(_COLOURS))
        smooth = self._blur(cv2.merge([*slopes, offset]))
        full = _resized(smooth, (values.shape[1], values.shape[0]), cv2.INTER_LINEAR)
        filtered: Map = np.einsum("hwc,hwc->hw", full[:, :, :_COLOURS], self._guide)
        return filtered + full[:, :, _COLOURS]

    def _inverse_covariance(self, epsilon: float) -> list[list[Map]]:
        """The inverse of the colours' covariance in every box (epsilon on its diagonal), entry by entry."""
        height, width = self._small.shape[:2]
        matrices = np.empty((height, width, _COLOURS, _COLOURS), np.float32)
        for i in range(_COLOURS):
            for j in range(i, _COLOURS):
                product = self._blur(self._small[:, :, i] * self._small[:, :, j])
                entry = product - self._mean[:, :, i] * self._mean[:, :, j]
                matrices[:, :, i, j] = matrices[:, :, j, i] = entry
        inverse = np.linalg.inv(matrices + epsilon * np.eye(_COLOURS, dtype=np.float32))
        return [[np.ascontiguousarray(inverse[:, :, i, j]) for j in range(_COLOURS)] for i in range(_COLOURS)]

    def _blur(self, values: Map) -> Map:
        blurred: Map = cv2.blur(values, self._box)
        return blurred


def _resized(values: Map, size: tuple[int, int], method: int) -> Map:
    if (values.shape[1], values.shape[0]) == size:
        return values
    resized: Map = cv2.resize(values, size, interpolation=method)
    return resized
