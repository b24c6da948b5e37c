"""Label maps as pictures: palette masks, and photographs with masks and a legend."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from backend.errors import BackendError
from zegclip_core.palette import label_colours

MOST_LABELS = 255
_OPACITY = 0.5
_LEGEND_SHARE = 0.035
_SMALLEST_TEXT = 11


class TooManyLabelsError(BackendError):
    """More labels than an 8-bit palette can hold."""


def hex_colour(colour: tuple[int, int, int]) -> str:
    """Return `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def palette_image(label_map: NDArray[np.uint16], *, count: int) -> Image.Image:
    """Return an 8-bit palette picture (H, W): 0 = none (black), i = the i-th label.

    Raises `TooManyLabelsError` for more than 255 labels.
    """
    if count > MOST_LABELS:
        raise TooManyLabelsError(f"{count} labels do not fit into an 8-bit mask: give at most {MOST_LABELS}")
    picture = Image.fromarray(label_map.astype(np.uint8), mode="P")
    picture.putpalette([0, 0, 0, *(channel for colour in label_colours(count) for channel in colour)])
    return picture


def overlay_image(
    image: NDArray[np.uint8], label_map: NDArray[np.uint16], names: Sequence[str]
) -> Image.Image:
    """Return the photograph (H, W, 3) with its masks half transparent and a legend of the labels in it."""
    colours = np.array([(0, 0, 0), *label_colours(len(names))], np.float32)
    painted = label_map > 0
    blended = image.astype(np.float32)
    blended[painted] = (1 - _OPACITY) * blended[painted] + _OPACITY * colours[label_map[painted]]
    picture = Image.fromarray(blended.round().astype(np.uint8))
    present = [int(number) for number in np.unique(label_map) if number]
    return _with_legend(picture, [(names[number - 1], label_colours(number)[-1]) for number in present])


def _with_legend(picture: Image.Image, entries: Sequence[tuple[str, tuple[int, int, int]]]) -> Image.Image:
    """Put the legend below the photograph, in as many lines as it needs, so that it hides nothing."""
    if not entries:
        return picture
    size = max(_SMALLEST_TEXT, round(_LEGEND_SHARE * min(picture.size)))
    font = ImageFont.load_default(size)
    places, x, y = [], size // 2, size // 2
    for name, _ in entries:
        width = round(font.getlength(name)) + 3 * size
        if x > size and x + width > picture.width:
            x, y = size // 2, y + round(1.6 * size)
        places.append((x, y))
        x += width
    canvas = Image.new("RGB", (picture.width, picture.height + y + 2 * size), "white")
    canvas.paste(picture)
    draw = ImageDraw.Draw(canvas)
    for (left, top), (name, colour) in zip(places, entries, strict=True):
        top += picture.height
        draw.rectangle((left, top, left + size, top + size), fill=colour)
        draw.text((left + round(1.4 * size), top + size // 2), name, fill="black", font=font, anchor="lm")
    return canvas
