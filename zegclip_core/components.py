"""Specks in a label map take the label around them."""

import numpy as np
from numpy.typing import NDArray

from zegclip_core.runs import Runs, find_runs


def absorb_specks(label_map: NDArray[np.uint16], *, min_area: int) -> tuple[NDArray[np.uint16], Runs]:
    """Give every connected component below `min_area` pixels the label that most of its border pixels have.

    Pixels of other specks have no voice, as long as there is anything else around.

    Args:
        label_map: (H, W), 0 = none; "none" has components as any label has.
        min_area: in pixels; 1 or less changes nothing.

    Returns a new label map and its runs, of which neighbours may have the same label; a map without specks,
    or without anything else, is returned as it is.

    """
    runs = find_runs(label_map)
    if min_area <= 1:
        return label_map, runs
    small, speck_of = _specks(runs, min_area)
    if not small.size:
        return label_map, runs
    cleaned, labels = label_map.copy(), runs.labels.copy()
    places, numbers = runs.places(small), np.repeat(speck_of, runs.lengths[small])
    # Nearly everything stays zero, which costs neither time nor memory.
    specks = np.zeros(label_map.shape, np.int32)
    np.put(specks, places, numbers)
    while places.size:
        winners = _labels_around(cleaned, specks, places, numbers)
        decided = winners[numbers] >= 0
        if not decided.any():
            break
        np.put(cleaned, places[decided], winners[numbers[decided]])
        np.put(specks, places[decided], 0)
        places, numbers = places[~decided], numbers[~decided]
        given = winners[speck_of] >= 0
        labels[small[given]] = winners[speck_of[given]]
        small, speck_of = small[~given], speck_of[~given]
    return cleaned, Runs(runs.starts, labels, runs.shape)


def _specks(runs: Runs, min_area: int) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Return the runs (n,) of components below `min_area`, and the component of each, numbered from 1."""
    components = runs.components()
    areas = np.bincount(components, runs.lengths, minlength=len(components))
    small = np.flatnonzero(areas[components] < min_area)
    _, numbers = np.unique(components[small], return_inverse=True)
    return small, (numbers + 1).astype(np.int32)


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
    labels = label_map.ravel()[border].astype(np.int64)
    shape = (int(numbers.max()) + 1, int(labels.max(initial=0)) + 1)
    voices = np.bincount(speck * shape[1] + labels, minlength=shape[0] * shape[1]).reshape(shape)
    winners: NDArray[np.int64] = np.where(voices.any(axis=1), voices.argmax(axis=1), -1)
    return winners
