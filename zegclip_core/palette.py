"""Colours for label maps."""

import colorsys

_GOLDEN_ANGLE = 0.618034


def label_colours(count: int) -> list[tuple[int, int, int]]:
    """Return `count` colours that are easy to tell apart, always the same ones in the same order."""
    colours = []
    for index in range(count):
        saturation, value = ((0.85, 0.95), (0.6, 0.75), (1.0, 0.6))[index // 9 % 3]
        red, green, blue = colorsys.hsv_to_rgb(index * _GOLDEN_ANGLE % 1, saturation, value)
        colours.append((round(red * 255), round(green * 255), round(blue * 255)))
    return colours
