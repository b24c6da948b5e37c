"""How an image of any size comes before a model: resized, cut into windows, stitched on the patch grid."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zegclip_core.backbones.backbone import InputSizes

# Beyond this, a whole image would be squeezed so much that its short side shows nothing.
_LONGEST_ASPECT = 3.0
_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of the resized image in pixels; all four are multiples of the model's size multiple."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """Where the model looks.

    Attributes:
        height: height of the resized image in pixels.
        width: width of the resized image in pixels.
        windows: rectangles that together cover it; all of one size.

    """

    height: int
    width: int
    windows: tuple[Window, ...]


def plan_windows(height: int, width: int, sizes: InputSizes, *, long_side: int | None = None) -> WindowPlan:
    """Plan an image of `height` x `width` pixels.

    A model of whole images sees it at once, its longer side at `long_side` pixels (an image that is more than
    three times as long as wide is cut along its length); other models see square windows that overlap by
    half.

    Args:
        height: pixels, at least 1.
        width: pixels, at least 1.
        sizes: what the model works best with.
        long_side: overrides the model's own longer side, for models of whole images.

    """
    wished = long_side or sizes.long_side
    if sizes.window is None and wished is not None:
        short = max(wished * min(height, width) / max(height, width), wished / _LONGEST_ASPECT)
        window_long = wished
    else:
        short = float(sizes.short_side or sizes.window or sizes.multiple)
        window_long = sizes.window or sizes.multiple
    scale = short / min(height, width)
    resized_height = nearest_multiple(height * scale, sizes.multiple)
    resized_width = nearest_multiple(width * scale, sizes.multiple)
    longest = nearest_multiple(window_long, sizes.multiple)
    window_height, window_width = min(resized_height, longest), min(resized_width, longest)
    windows = tuple(
        Window(top, left, window_height, window_width)
        for top in _starts(resized_height, window_height, sizes.multiple)
        for left in _starts(resized_width, window_width, sizes.multiple)
    )
    return WindowPlan(resized_height, resized_width, windows)


def stitch(plan: WindowPlan, scores: Sequence[Tensor], *, stride: int) -> Tensor:
    """Average the windows' scores (C, h, w) where they overlap; returns (C, H/stride, W/stride)."""
    if len(scores) == 1:
        return scores[0]
    grid = (plan.height // stride, plan.width // stride)
    total = scores[0].new_zeros(len(scores[0]), *grid)
    count = scores[0].new_zeros(grid)
    for place, part in zip(grid_slices(plan, stride), scores, strict=True):
        total[:, place[0], place[1]] += part
        count[place] += 1
    return torch.div(total, count)


def grid_slices(plan: WindowPlan, stride: int) -> Iterator[tuple[slice, slice]]:
    """Yield the rows and columns of the patch grid that each window covers."""
    for window in plan.windows:
        top, left = window.top // stride, window.left // stride
        yield (
            slice(top, top + window.height // stride),
            slice(left, left + window.width // stride),
        )


def nearest_multiple(value: float, multiple: int) -> int:
    """Return the positive multiple that is nearest to a value."""
    return max(1, round(value / multiple)) * multiple


def _starts(length: int, window: int, multiple: int) -> list[int]:
    """First pixels of windows that cover `length` and overlap by about half, all multiples of `multiple`."""
    room = length - window
    if room == 0:
        return [0]
    steps = math.ceil(room / (window * (1 - _OVERLAP)))
    return sorted({round(room * step / steps / multiple) * multiple for step in range(steps + 1)})
