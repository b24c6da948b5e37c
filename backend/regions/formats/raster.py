"""Closed outlines to pixels, as the editor's canvas fills them."""

import numpy as np
from numpy.typing import NDArray

# Crossings of edges and rows that are worked on at once: bounds the memory for hostile outlines.
_CHUNK = 2_000_000


def fill_outline(points: NDArray[np.float64], *, width: int, height: int) -> NDArray[np.bool_]:
    """Fill a closed outline by the non-zero rule; a pixel is inside when its centre is.

    An outline that runs around a hole the other way round, joined by a bridge, leaves the hole empty.

    Args:
        points: (N, 2) x and y in pixels, (0, 0) is the upper left corner of the upper left pixel.
        width: of the image, in pixels.
        height: of the image, in pixels.

    Returns a mask (H, W).

    """
    turns = np.zeros((height, width + 1), np.int32)
    start, end = points, np.roll(points, -1, axis=0)
    downward = start[:, 1] < end[:, 1]
    upper = np.where(downward[:, None], start, end)
    lower = np.where(downward[:, None], end, start)
    # An edge crosses the rows whose centres lie in the half-open range between its ends.
    first = np.clip(np.ceil(upper[:, 1] - 0.5), 0, height).astype(np.int64)
    last = np.clip(np.ceil(lower[:, 1] - 0.5), 0, height).astype(np.int64)
    counts = last - first
    for chosen in _chunks(counts):
        rows, edges = _rows_of(first[chosen], counts[chosen])
        a, b = upper[chosen][edges], lower[chosen][edges]
        x = a[:, 0] + (rows + 0.5 - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
        columns = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
        np.add.at(turns, (rows, columns), np.where(downward[chosen][edges], 1, -1))
    inside: NDArray[np.bool_] = np.cumsum(turns[:, :width], axis=1) != 0
    return inside


def _chunks(counts: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Edges that cross any row, in groups of about `_CHUNK` crossings."""
    crossing = np.flatnonzero(counts)
    groups = np.cumsum(counts[crossing]) // _CHUNK
    return np.split(crossing, np.flatnonzero(np.diff(groups)) + 1)


def _rows_of(
    first: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every row that each edge crosses, and the edge's place in the arguments."""
    edges = np.repeat(np.arange(len(counts)), counts)
    offsets = np.arange(len(edges)) - np.repeat(np.cumsum(counts) - counts, counts)
    return first[edges] + offsets, edges
