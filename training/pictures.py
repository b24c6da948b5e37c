"""Pictures of a run: the loss over its steps, and photographs with their masks side by side."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from zegclip_core.palette import label_colours

_WIDTH, _HEIGHT = 900, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 30, 40
_GRID_LINES = 5
_SMOOTHING_SHARE = 0.02
_PANEL_SIDE = 240
_CAPTION = 18
_OPACITY = 0.6
_IGNORED_GREY = 160
LabelMap = NDArray[np.integer]


def draw_losses(losses: Sequence[float]) -> Image.Image:
    """Draw the loss of every step, and above it the running mean over two percent of the steps."""
    picture = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(13)
    values = np.asarray([value for value in losses if np.isfinite(value)], dtype=np.float64)
    if not values.size:
        return picture
    top = float(np.quantile(values, 0.99)) or 1.0
    for line in range(_GRID_LINES + 1):
        y = _row(top * line / _GRID_LINES, top)
        draw.line((_LEFT, y, _WIDTH - _RIGHT, y), fill=(225, 225, 225))
        draw.text((_LEFT - 8, y), f"{top * line / _GRID_LINES:.3g}", fill="black", font=font, anchor="rm")
    draw.text((_LEFT, _HEIGHT - 14), "step 1", fill="black", font=font, anchor="lm")
    draw.text((_WIDTH - _RIGHT, _HEIGHT - 14), f"step {len(values)}", fill="black", font=font, anchor="rm")
    draw.text((_LEFT, 14), "loss (grey) and its running mean (blue)", fill="black", font=font, anchor="lm")
    _curve(draw, values, top, colour=(190, 190, 190), width=1)
    window = max(1, round(_SMOOTHING_SHARE * len(values)))
    means = np.convolve(values, np.full(window, 1 / window), mode="valid")
    _curve(draw, means, top, colour=(30, 80, 200), width=2)
    return picture


def draw_comparison(
    rows: Sequence[tuple[str, NDArray[np.uint8], LabelMap, LabelMap]], *, classes: int, ignored: int
) -> Image.Image:
    """Draw photograph, true mask and predicted mask of some images, one row each with its caption.

    Args:
        rows: caption, photograph (H, W, 3), true and predicted label map (H, W) with values 0 to
            `classes` - 1; values from `classes` on are painted black, `ignored` grey.
        classes: number of classes, which sets the colours.
        ignored: value that counts nowhere.

    """
    panels = [
        (
            caption,
            [
                _fit(image),
                _fit(_painted(image, truth, classes, ignored)),
                _fit(_painted(image, prediction, classes, ignored)),
            ],
        )
        for caption, image, truth, prediction in rows
    ]
    height = sum(_CAPTION + max(panel.height for panel in line) for _, line in panels)
    picture = Image.new("RGB", (3 * _PANEL_SIDE, max(height, 1)), "white")
    draw, font, top = ImageDraw.Draw(picture), ImageFont.load_default(12), 0
    for caption, line in panels:
        draw.text((4, top + _CAPTION // 2), caption, fill="black", font=font, anchor="lm")
        for place, panel in enumerate(line):
            picture.paste(panel, (place * _PANEL_SIDE, top + _CAPTION))
        top += _CAPTION + max(panel.height for panel in line)
    return picture


def _row(value: float, top: float) -> int:
    return round(_HEIGHT - _BOTTOM - min(value, top) / top * (_HEIGHT - _BOTTOM - _TOP))


def _curve(
    draw: ImageDraw.ImageDraw,
    values: NDArray[np.float64],
    top: float,
    *,
    colour: tuple[int, int, int],
    width: int,
) -> None:
    columns = np.linspace(_LEFT, _WIDTH - _RIGHT, len(values))
    points = [(float(x), float(_row(value, top))) for x, value in zip(columns, values, strict=True)]
    if len(points) > 1:
        draw.line(points, fill=colour, width=width)


def _painted(image: NDArray[np.uint8], labels: LabelMap, classes: int, ignored: int) -> NDArray[np.uint8]:
    none, grey = classes, classes + 1
    colours = np.zeros((classes + 2, 3), np.float32)
    colours[:classes] = label_colours(classes)
    colours[grey] = _IGNORED_GREY
    places = np.where(labels == ignored, grey, np.minimum(labels, none))
    blended = (1 - _OPACITY) * image.astype(np.float32) + _OPACITY * colours[places]
    return np.asarray(blended.round(), dtype=np.uint8)


def _fit(image: NDArray[np.uint8]) -> Image.Image:
    picture = Image.fromarray(image)
    picture.thumbnail((_PANEL_SIDE, _PANEL_SIDE))
    return picture
