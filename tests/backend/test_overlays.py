import io

import numpy as np
import pytest
from PIL import Image

from backend.overlays import MOST_LABELS, TooManyLabelsError, hex_colour, overlay_image, palette_image
from zegclip_core.palette import label_colours

LABEL_MAP = np.array([[0, 1, 1], [2, 2, 0]], np.uint16)
PHOTO = np.full((60, 90, 3), 100, np.uint8)


def test_the_palette_picture_holds_the_numbers_and_shows_the_labels_colours() -> None:
    picture = palette_image(LABEL_MAP, count=2)
    file = io.BytesIO()
    picture.save(file, "PNG")
    with Image.open(file) as read:
        assert read.mode == "P"
        assert np.array_equal(np.asarray(read), LABEL_MAP)
        colours = np.asarray(read.convert("RGB"))
    assert colours[0, 0].tolist() == [0, 0, 0]
    assert [tuple(colours[0, 1]), tuple(colours[1, 0])] == label_colours(2)


def test_more_labels_than_a_palette_holds_are_refused() -> None:
    palette_image(LABEL_MAP, count=MOST_LABELS)
    with pytest.raises(TooManyLabelsError, match="256"):
        palette_image(LABEL_MAP, count=MOST_LABELS + 1)


def test_colours_as_html_writes_them() -> None:
    assert hex_colour((255, 0, 16)) == "#ff0010"


class TestOverlay:
    label_map = np.pad(np.ones((20, 30), np.uint16), ((10, 30), (10, 50)))

    def test_masks_are_half_transparent_and_the_rest_is_the_photograph(self) -> None:
        pixels = np.asarray(overlay_image(PHOTO, self.label_map, ["cat"]))
        expected = (100 + np.array(label_colours(1)[0])) / 2
        assert np.abs(pixels[15, 20] - expected).max() <= 1
        assert pixels[5, 5].tolist() == [100, 100, 100]

    def test_the_legend_lies_below_and_hides_nothing(self) -> None:
        picture = overlay_image(PHOTO, self.label_map, ["cat"])
        assert picture.width == 90
        assert picture.height > 60
        legend = np.asarray(picture)[60:].reshape(-1, 3)
        assert label_colours(1)[0] in {tuple(colour) for colour in legend.tolist()}

    def test_only_labels_that_are_there_are_in_the_legend(self) -> None:
        names = ["cat", "dog"]
        pixels = np.asarray(overlay_image(PHOTO, self.label_map, names)).reshape(-1, 3)
        assert label_colours(2)[1] not in {tuple(colour) for colour in pixels.tolist()}

    def test_a_long_legend_takes_several_lines(self) -> None:
        label_map = np.arange(1, 91, dtype=np.uint16)[None].repeat(60, axis=0)
        many = overlay_image(PHOTO, label_map, [f"a long name {number}" for number in range(90)])
        few = overlay_image(PHOTO, self.label_map, ["cat"])
        assert many.width == 90
        assert many.height > few.height

    def test_without_any_mask_it_is_the_photograph(self) -> None:
        picture = overlay_image(PHOTO, np.zeros((60, 90), np.uint16), ["cat"])
        assert np.array_equal(np.asarray(picture), PHOTO)
