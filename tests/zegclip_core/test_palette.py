"""Colours for label maps."""

from itertools import combinations

from zegclip_core.palette import label_colours


def test_colours_differ_and_stay_the_same() -> None:
    colours = label_colours(60)
    assert colours[:5] == label_colours(5)
    assert all(0 <= channel <= 255 for colour in colours for channel in colour)
    pairs = combinations(colours[:20], 2)
    distances = [sum(abs(a - b) for a, b in zip(*pair, strict=True)) for pair in pairs]
    assert min(distances) > 30
