"""Which label wins every pixel, when every label's probability is a linear function of the image's colours.

In most cells one label beats all others whatever colours the cell has: only the rest is computed pixel by
pixel, for the labels that have a chance there.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zegclip_core.cell_filter import Cells

Map = NDArray[np.float32]
_COLOURS = 3
_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
# Brightness varies most within a cell; taken apart from the colour, it makes the bounds on both tight.
_TO_RGB = np.linalg.inv(
    [[0.299, 0.587, 0.114], [0.5, -0.418688, -0.081312], [-0.168736, -0.331264, 0.5]]
).astype(np.float32)
# Labels of cells that are computed at once: their pixels stay in the processor's cache.
_PAIRS_AT_ONCE = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """What can be said of whole cells.

    Attributes:
        winner: (rows, columns) the label that wins at the cell's middle colour.
        best: (rows, columns) its probability there.
        alive: (C, rows, columns) whether a label may win a pixel.
        open: (rows, columns) whether pixels must be looked at.

    """

    winner: NDArray[np.intp]
    best: Map
    alive: NDArray[np.bool_]
    open: NDArray[np.bool_]


def contest(
    functions: Map, names: NDArray[np.uint16], cells: Cells, *, threshold: float = 0.0
) -> tuple[NDArray[np.uint16], Map]:
    """Return the winner (H, W) of every pixel and its probability (H, W), 0..1.

    Args:
        functions: (4, C, rows + 1, columns + 1), as `CellFilter.fit` returns them.
        names: (C,) the labels' numbers.
        cells: the image.
        threshold: winners above it and below it are told apart pixel by pixel, too.

    Where one label wins a whole cell, the probability is that of the cell's middle colour.

    """
    settled = _settle(functions, cells, threshold)
    side = cells.side
    winner = np.repeat(np.repeat(names[settled.winner], side, axis=0), side, axis=1)
    best = np.repeat(np.repeat(np.clip(settled.best, 0, 1), side, axis=0), side, axis=1)
    blocks = (cells.rows, side, cells.columns, side)
    winners, bests = winner.reshape(blocks).swapaxes(1, 2), best.reshape(blocks).swapaxes(1, 2)
    guide = cells.whole().reshape(*blocks, _COLOURS).swapaxes(1, 2)
    weights = _corner_weights(side)
    contestants = settled.alive.sum(axis=0)
    for count in np.unique(contestants[settled.open]):
        places = np.argwhere(settled.open & (contestants == count))
        step = max(1, _PAIRS_AT_ONCE // int(count))
        for start in range(0, len(places), step):
            y, x = places[start : start + step].T
            labels = np.nonzero(settled.alive[:, y, x].T)[1].reshape(-1, count)
            colours = guide[y, x].reshape(len(y), side * side, _COLOURS)
            values = _at_pixels(functions, y, x, labels, colours, weights)
            first, highest = np.repeat(names[labels[:, :1]], side * side, axis=1), values[:, 0]
            for rival in range(1, int(count)):
                np.copyto(first, names[labels[:, rival, None]], where=values[:, rival] > highest)
                np.maximum(highest, values[:, rival], out=highest)
            winners[y, x] = first.reshape(-1, side, side)
            bests[y, x] = np.clip(highest, 0, 1, out=highest).reshape(-1, side, side)
    here = np.s_[: cells.height, : cells.width]
    return np.ascontiguousarray(winner[here]), np.ascontiguousarray(best[here])


def _settle(functions: Map, cells: Cells, threshold: float) -> _Settled:
    slopes = np.tensordot(_TO_RGB.T, functions[:_COLOURS], axes=1)
    parts = [_at_corner(down, right) for down, right in _CORNERS]
    values = []
    for part in parts:
        value = functions[_COLOURS][part].copy()
        for colour in range(_COLOURS):
            value += slopes[colour][part] * cells.middle[colour]
        values.append(value)
    centre = sum(values[1:], values[0]) / np.float32(len(values))
    winner = centre.argmax(axis=0)
    own_place = winner * centre[0].size + np.arange(centre[0].size).reshape(winner.shape)
    alive = np.zeros(centre.shape, np.bool_)
    lowest = np.full(winner.shape, np.inf, np.float32)
    for part, value in zip(parts, values, strict=True):
        # Between corners and between colours every function is linear: its extremes are at their ends.
        lead = value.take(own_place)
        own = [slopes[colour][part].take(own_place) for colour in range(_COLOURS)]
        rival = value
        for colour in range(_COLOURS):
            rival = rival + np.abs(slopes[colour][part] - own[colour]) * cells.reach[colour]
        alive |= rival > lead
        spread = sum(np.abs(own[colour]) * cells.reach[colour] for colour in range(_COLOURS))
        np.minimum(lowest, lead - spread, out=lowest)
    np.put_along_axis(alive, winner[None], values=True, axis=0)
    return _Settled(
        winner=winner,
        best=centre.take(own_place),
        alive=alive,
        open=(alive.sum(axis=0) > 1) | (lowest < threshold),
    )


def _at_corner(down: int, right: int) -> tuple[slice, slice, slice]:
    """The part of (C, rows + 1, columns + 1) that lies at this corner of each cell."""
    return np.s_[:, down : down - 1 or None, right : right - 1 or None]


def _corner_weights(side: int) -> Map:
    """How much the four corners of a cell count at its pixels: (4, side * side)."""
    across = (np.arange(side, dtype=np.float32) + 0.5) / side
    ends = (1 - across, across)
    weights: Map = np.stack([np.outer(ends[down], ends[right]).ravel() for down, right in _CORNERS])
    return weights


def _at_pixels(
    functions: Map,
    y: NDArray[np.intp],
    x: NDArray[np.intp],
    labels: NDArray[np.intp],
    colours: NDArray[np.uint8],
    weights: Map,
) -> Map:
    """The probabilities (n, k, pixels) of k labels each in n cells.

    Args:
        functions: (4, C, rows + 1, columns + 1).
        y: (n,) the cells' rows.
        x: (n,) their columns.
        labels: (n, k).
        colours: (n, pixels, 3).
        weights: (4, pixels), of the corners.

    """
    corners = [functions[:, labels, y[:, None] + down, x[:, None] + right] for down, right in _CORNERS]
    stacked = np.stack(corners, axis=-1)
    terms: Map = (stacked.reshape(-1, len(_CORNERS)) @ weights).reshape(*stacked.shape[:-1], -1)
    values: Map = terms[_COLOURS]
    shades = np.moveaxis(colours, 2, 0).astype(np.float32) * np.float32(1 / 255)
    for colour in range(_COLOURS):
        terms[colour] *= shades[colour][:, None]
        values += terms[colour]
    return values
