"""Edges of masks follow those of the image: the guided filter (He, Sun, Tang, TPAMI 2013), colour guide.

Its linear functions are found at a reduced size and applied at full size (He, Sun, Fast Guided Filter, 2015).
"""

import itertools
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

    Attributes:
        options: radius and strictness.

    """

    def __init__(self, guide: NDArray[np.uint8], *, options: GuidedFilterOptions) -> None:
        self.options = options
        self._guide = guide
        height, width = guide.shape[:2]
        scale = min(1.0, options.side / max(height, width))
        self._size = (max(1, round(width * scale)), max(1, round(height * scale)))
        self._small = cv2.merge([_resized(plane, self._size, cv2.INTER_AREA) for plane in self._colours()])
        side = 2 * max(1, round(options.radius * max(self._size))) + 1
        self._box = (side, side)
        self._mean = self._blur(self._small)
        self._inverse = self._inverse_covariance(options.epsilon)

    @property
    def bytes(self) -> int:
        """What it takes in memory beside the guide."""
        kept = [self._small, self._mean, *itertools.chain.from_iterable(self._inverse)]
        return sum(array.nbytes for array in {id(array): array for array in kept}.values())

    def filter(self, values: Map) -> Map:
        """Return a map (H, W) float32 that is, in every box, a linear function of the guide's colours.

        Args:
            values: (h, w) float32, of the guide's size or of any other.

        """
        return self.apply(self.fit(values))

    def fit(self, values: Map) -> Map:
        """Return what `apply` needs for a map (h, w): slopes for three colours and offset, (h', w', 4)."""
        small = _resized(values, self._size, cv2.INTER_AREA)
        blurred = self._blur(cv2.merge([*cv2.split(self._small * small[:, :, None]), small]))
        mean = blurred[:, :, _COLOURS]
        covariance = [blurred[:, :, i] - self._mean[:, :, i] * mean for i in range(_COLOURS)]
        slopes = [sum(self._inverse[i][j] * covariance[j] for j in range(_COLOURS)) for i in range(_COLOURS)]
        offset = mean - sum(slopes[i] * self._mean[:, :, i] for i in range(_COLOURS))
        return self._blur(cv2.merge([*slopes, offset]))

    def apply(self, functions: Map) -> Map:
        """Return the filtered map (H, W), from what `fit` returned."""
        height, width = self._guide.shape[:2]
        *factors, filtered = (
            _resized(plane, (width, height), cv2.INTER_LINEAR) for plane in cv2.split(functions)
        )
        for factor, colour in zip(factors, self._colours(), strict=True):
            cv2.accumulateProduct(factor, colour, filtered)
        return filtered

    def _inverse_covariance(self, epsilon: float) -> list[list[Map]]:
        """The inverse of the colours' covariance in every box (epsilon on its diagonal), entry by entry."""
        # In double precision: on grey images the terms of the determinant nearly cancel.
        entries = {}
        for i in range(_COLOURS):
            for j in range(i, _COLOURS):
                product = self._blur(self._small[:, :, i] * self._small[:, :, j])
                entry = product - self._mean[:, :, i] * self._mean[:, :, j]
                entries[i, j] = entries[j, i] = entry.astype(np.float64) + (epsilon if i == j else 0)
        # It is symmetric, as the covariance is.
        cofactors = {(i, j): _cofactor(entries, i, j) for i in range(_COLOURS) for j in range(i, _COLOURS)}
        determinant = sum(entries[0, j] * cofactors[0, j] for j in range(_COLOURS))
        inverse = {pair: (one / determinant).astype(np.float32) for pair, one in cofactors.items()}
        return [[inverse[min(i, j), max(i, j)] for j in range(_COLOURS)] for i in range(_COLOURS)]

    def _colours(self) -> list[Map]:
        """The guide's colours (H, W), 0..1; not kept, since they are four times as large as the guide."""
        return [plane * np.float32(1 / 255) for plane in cv2.split(self._guide)]

    def _blur(self, values: Map) -> Map:
        blurred: Map = cv2.blur(values, self._box)
        return blurred


def _cofactor(entries: dict[tuple[int, int], NDArray[np.float64]], i: int, j: int) -> NDArray[np.float64]:
    """The cofactor of entry (i, j) of 3x3 matrices, with its sign by the cyclic order of the rest."""
    rows, columns = ((i + 1) % 3, (i + 2) % 3), ((j + 1) % 3, (j + 2) % 3)
    product: NDArray[np.float64] = entries[rows[0], columns[0]] * entries[rows[1], columns[1]]
    return product - entries[rows[0], columns[1]] * entries[rows[1], columns[0]]


def _resized(values: Map, size: tuple[int, int], method: int) -> Map:
    if (values.shape[1], values.shape[0]) == size:
        return values
    resized: Map = cv2.resize(values, size, interpolation=method)
    return resized
