"""Polygons: one closed outline in percent; holes are joined to it by bridges of no width.

The outline runs around the outside one way and around holes the other way, so the editor's canvas (non-zero
rule) leaves them empty, and a bridge, which is passed there and back, changes no pixel.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.regions.errors import RegionError
from backend.regions.formats.fields import read_number
from backend.regions.formats.raster import fill_outline

MOST_POINTS = 100
TOLERANCE = 1.5
# Where a shape needs more points than a region may have, it is drawn coarser before it is cut in two.
_COARSER = (1, 2, 4)
_MOST_POINTS_READ = 10_000
_CONNECTIVITY = 8
_DIGITS = 4
# Outlines are traced on a grid of half pixels, so that they run around pixels and not through them.
_GRID = 2
_GRID_OFFSET = 0.5
# A bridge comes back to the points where it began, on both sides.
_BRIDGE_POINTS = 2
_FEWEST_POINTS = 3

Points = NDArray[np.float64]


def encode(mask: NDArray[np.bool_], *, tolerance: float = TOLERANCE) -> Iterator[dict[str, Any]]:
    """Yield one polygon for each connected part of a mask (H, W), with its holes.

    A part that would need more than `MOST_POINTS` points is drawn with up to four times the tolerance, and
    cut into several polygons when that is not enough. No hole is ever filled.

    Args:
        mask: (H, W).
        tolerance: largest distance in pixels between an outline and the mask's edge.

    """
    height, width = mask.shape
    scale = 100 / np.array((width, height))
    for outline in outlines(mask, tolerance=tolerance):
        yield {"points": np.clip(outline * scale, 0, 100).round(_DIGITS).tolist(), "closed": True}


def decode(value: Mapping[str, Any], *, width: int, height: int) -> NDArray[np.bool_]:
    """Return the mask (H, W); raises `RegionError` for wrong, too few or too many points."""
    given = value.get("points")
    if not isinstance(given, list) or not 3 <= len(given) <= _MOST_POINTS_READ:
        raise RegionError(f"a polygon needs 'points', a list of 3 to {_MOST_POINTS_READ} pairs")
    points = []
    for pair in given:
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise RegionError("a polygon's points are pairs of percentages")
        named = {"x": pair[0], "y": pair[1]}
        points.append((read_number(named, "x") / 100 * width, read_number(named, "y") / 100 * height))
    return fill_outline(np.array(points), width=width, height=height)


def outlines(
    mask: NDArray[np.bool_], *, tolerance: float = TOLERANCE, most_points: int = MOST_POINTS
) -> Iterator[Points]:
    """Yield the outlines (N, 2), in pixels, of a mask's connected parts; arguments as for `encode`."""
    pixels = mask.astype(np.uint8)
    x, y, width, height = cv2.boundingRect(pixels)
    if not width:
        return
    count, numbers, boxes, _ = cv2.connectedComponentsWithStats(
        pixels[y : y + height, x : x + width], connectivity=_CONNECTIVITY
    )
    for number in range(1, count):
        left, top, wide, high = (int(side) for side in boxes[number, :4])
        part = numbers[top : top + high, left : left + wide] == number
        for outline in _part_outlines(part, tolerance, most_points):
            yield outline + np.array((x + left, y + top))


def _part_outlines(part: NDArray[np.bool_], tolerance: float, most_points: int) -> Iterator[Points]:
    rings = _trace(part)
    fewest = len(rings) * (_FEWEST_POINTS + _BRIDGE_POINTS) - _BRIDGE_POINTS
    for factor in _COARSER if fewest <= most_points else ():
        simple = [_simplify(ring, tolerance * factor) for ring in rings]
        if sum(map(len, simple)) + _BRIDGE_POINTS * (len(simple) - 1) <= most_points:
            yield _join(simple)
            return
    high, wide = part.shape
    if high > wide:
        halves = ((part[: high // 2], (0, 0)), (part[high // 2 :], (0, high // 2)))
    else:
        halves = ((part[:, : wide // 2], (0, 0)), (part[:, wide // 2 :], (wide // 2, 0)))
    for half, offset in halves:
        for outline in outlines(half, tolerance=tolerance, most_points=most_points):
            yield outline + np.array(offset)


def _trace(part: NDArray[np.bool_]) -> list[Points]:
    """Outer ring, then the holes' rings the other way round, of one connected part; in pixels."""
    fine = part.astype(np.uint8).repeat(_GRID, axis=0).repeat(_GRID, axis=1)
    rings, tree = cv2.findContours(fine, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    is_outer = tree[0, :, 3] < 0
    # Outer rings run one way and those of holes the other.
    return [
        (rings[index][:, 0].astype(np.float64) + _GRID_OFFSET) / _GRID
        for index in np.argsort(~is_outer, kind="stable")
    ]


def _simplify(ring: Points, tolerance: float) -> Points:
    """Douglas and Peucker's simplification; a ring too small for the tolerance stays as it is."""
    simple: Points = cv2.approxPolyDP(ring.astype(np.float32), tolerance, closed=True)[:, 0].astype(
        np.float64
    )
    return simple if len(simple) > 2 and _signed_area(simple) * _signed_area(ring) > 0 else ring


def _join(rings: list[Points]) -> Points:
    """Join the holes' rings to the outer one, the nearest first, each by a bridge between nearest points."""
    outline, *holes = rings
    waiting = [(*_nearest(outline, hole), hole) for hole in holes]
    while waiting:
        _, at, start, hole = waiting.pop(min(range(len(waiting)), key=lambda index: waiting[index][0]))
        loop = np.concatenate((np.roll(hole, -start, axis=0), hole[start : start + 1]))
        outline = np.concatenate((outline[: at + 1], loop, outline[at:]))
        waiting = [(*_nearest(outline, other), other) for *_, other in waiting]
    return outline


def _nearest(outline: Points, hole: Points) -> tuple[float, int, int]:
    """Squared distance and places of the nearest two points of two rings."""
    squared = ((outline[:, None] - hole[None]) ** 2).sum(axis=2)
    at, start = np.unravel_index(int(squared.argmin()), squared.shape)
    return float(squared[at, start]), int(at), int(start)


def _signed_area(ring: Points) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
