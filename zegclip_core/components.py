"""Specks in a label map take the label around them."""

import cv2
import numpy as np
from numpy.typing import NDArray

_CONNECTIVITY = 8
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


def absorb_specks(label_map: NDArray[np.uint16], *, min_area: int) -> NDArray[np.uint16]:
    """Give every connected component below `min_area` pixels the label that most of its border pixels have.

    Args:
        label_map: (H, W), 0 = none; "none" has components as any label has.
        min_area: in pixels; 1 or less changes nothing.

    Returns a new label map; a map without larger components is returned as it is.

    """
    if min_area <= 1:
        return label_map
    cleaned = label_map.copy()
    for label in np.unique(label_map):
        count, components, statistics, _ = cv2.connectedComponentsWithStats(
            (label_map == label).astype(np.uint8), connectivity=_CONNECTIVITY
        )
        for component in range(1, count):
            left, top, width, height, area = statistics[component]
            if area < min_area:
                rows = slice(max(0, top - 1), top + height + 1)
                columns = slice(max(0, left - 1), left + width + 1)
                speck = components[rows, columns] == component
                _absorb(cleaned[rows, columns], speck)
    return cleaned


def _absorb(patch: NDArray[np.uint16], speck: NDArray[np.bool_]) -> None:
    border = cv2.dilate(speck.astype(np.uint8), _CROSS).astype(bool) & ~speck
    around = patch[border]
    if around.size:
        patch[speck] = np.bincount(around).argmax()
