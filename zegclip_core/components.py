"""Specks in a label map take the label around them."""

import numpy as np
from numpy.typing import NDArray

from zegclip_core.runs import find_runs


def absorb_specks(label_map: NDArray[np.uint16], *, min_area: int) -> NDArray[np.uint16]:
    """Give every connected component below `min_area` pixels the label that most of its border pixels have.

    Pixels of other specks have no voice, as long as there is anything else around.

    Args:
        label_map: (H, W), 0 = none; "none" has components as any label has.
        min_area: in pixels; 1 or less changes nothing.

    Returns a new label map; a map without specks, or without anything else, is returned as it is.

    """
    if min_area <= 1:
        return label_map
    specks = _number_specks(label_map, min_area)
    places = np.flatnonzero(specks.ravel() != 0)
    cleaned = label_map.copy() if places.size else label_map
    while places.size:
        numbers = specks.ravel()[places]
        winners = _labels_around(cleaned, specks, places, numbers)[numbers]
        decided = winners >= 0
        if not decided.any():
            break
        np.put(cleaned, places[decided], winners[decided])
        np.put(specks, places[decided], 0)
        places = places[~decided]
    return cleaned


def _number_specks(label_map: NDArray[np.uint16], min_area: int) -> NDArray[np.int32]:
    """Numbers from 1 for the components below `min_area`, 0 everywhere else: (H, W)."""
    runs = find_runs(label_map)
    components = runs.components()
    areas = np.bincount(components, runs.lengths, minlength=len(components))
    small = np.flatnonzero((areas > 0) & (areas < min_area))
    number_of = np.zeros(len(components), np.int32)
    number_of[small] = np.arange(1, small.size + 1)
    return runs.fill(number_of[components])


def _labels_around(
    label_map: NDArray[np.uint16],
    specks: NDArray[np.int32],
    places: NDArray[np.intp],
    numbers: NDArray[np.int32],
) -> NDArray[np.int64]:
    """For every speck's number the label of most border pixels outside of specks, -1 where there are none.

    Args:
        label_map: (H, W).
        specks: (H, W), the speck's number or 0.
        places: flat indices of the specks' pixels.
        numbers: the specks' numbers there.

    """
    height, width = specks.shape
    rows, columns = np.divmod(places, width)
    inside = (rows > 0, rows < height - 1, columns > 0, columns < width - 1)
    pairs = []
    for step, has_neighbour in zip((-width, width, -1, 1), inside, strict=True):
        border, speck = places[has_neighbour] + step, numbers[has_neighbour]
        outside = specks.ravel()[border] == 0
        pairs.append(speck[outside].astype(np.int64) * specks.size + border[outside])
    # A border pixel has one voice, however many pixels of the speck it touches.
    speck, border = np.divmod(np.unique(np.concatenate(pairs)), specks.size)
    voices = np.zeros((int(numbers.max()) + 1, int(label_map.max()) + 1), np.int64)
    np.add.at(voices, (speck, label_map.ravel()[border]), 1)
    winners: NDArray[np.int64] = np.where(voices.any(axis=1), voices.argmax(axis=1), -1)
    return winners
