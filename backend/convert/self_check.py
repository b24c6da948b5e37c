"""Is what was written what was read? Every image is decoded again and compared pixel by pixel."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.convert.masked_image import MaskedImage, paint


@dataclass(frozen=True, slots=True)
class Comparison:
    """One image before and after.

    Attributes:
        different: pixels whose label differs.
        farthest: distance in pixels of the farthest of them from an edge between labels; 0 when none differs.

    """

    different: int
    farthest: float

    def __str__(self) -> str:
        return f"{self.different} pixels came back different, up to {self.farthest:.1f} pixels from an edge"


def compare(before: MaskedImage, after: MaskedImage, labels: Sequence[str]) -> Comparison:
    """Compare two images' painted labels; images of different sizes differ everywhere."""
    if (before.width, before.height) != (after.width, after.height):
        return Comparison(before.width * before.height, float("inf"))
    expected, found = paint(before, labels), paint(after, labels)
    different = expected != found
    if not different.any():
        return Comparison(0, 0.0)
    return Comparison(int(different.sum()), float(_distance_from_edges(expected)[different].max()))


def _distance_from_edges(label_map: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Distance of every pixel from the nearest pixel of another label, 1 or more; borders count as edges."""
    edges = np.ones(label_map.shape, np.bool_)
    edges[1:-1, 1:-1] = False
    edges[1:] |= label_map[1:] != label_map[:-1]
    edges[:-1] |= label_map[1:] != label_map[:-1]
    edges[:, 1:] |= label_map[:, 1:] != label_map[:, :-1]
    edges[:, :-1] |= label_map[:, 1:] != label_map[:, :-1]
    distance: NDArray[np.float32] = cv2.distanceTransform((~edges).astype(np.uint8), cv2.DIST_L2, 5)
    return distance + 1
