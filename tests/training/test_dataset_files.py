from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.tiny import CAT, DOG, halves, write_dataset
from training.dataset_files import read_image, read_mask
from training.errors import (
    MaskContentError,
    MissingImageError,
    MissingMaskError,
    UnknownMaskIdsError,
    UnreadableImageError,
)


def test_images_are_read_as_displayed(tmp_path: Path) -> None:
    description = write_dataset(tmp_path, size=(64, 48))
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(description.image_path("picture0")) as picture:
        picture.save(description.image_path("picture0"), exif=exif)
    assert read_image(description, "picture0").shape == (48, 64, 3)
    assert read_image(description, "picture1").shape == (64, 48, 3)


def test_masks_hold_class_values_whatever_their_colours(tmp_path: Path) -> None:
    description = write_dataset(tmp_path)
    expected = halves(CAT, DOG)
    assert np.array_equal(read_mask(description, "picture0"), expected)
    palette = Image.fromarray(expected.astype(np.uint8), mode="P")
    palette.putpalette([200] * 768)
    palette.save(description.mask_path("picture0"))
    assert np.array_equal(read_mask(description, "picture0"), expected)


def test_masks_may_have_more_than_256_classes(tmp_path: Path) -> None:
    description = write_dataset(tmp_path)
    Image.fromarray(np.full((4, 4), 300, np.uint16)).save(description.mask_path("picture0"))
    with pytest.raises(UnknownMaskIdsError, match="300"):
        read_mask(description, "picture0")


def test_missing_files_say_what_to_do(tmp_path: Path) -> None:
    description = write_dataset(tmp_path)
    description.image_path("picture0").unlink()
    description.mask_path("picture0").unlink()
    with pytest.raises(MissingImageError, match="or take the id out of its split"):
        read_image(description, "picture0")
    with pytest.raises(MissingMaskError, match="needs a mask"):
        read_mask(description, "picture0")


def test_unknown_mask_values_are_listed_with_the_known_range(tmp_path: Path) -> None:
    description = write_dataset(tmp_path, masks=[halves(CAT, 9)])
    with pytest.raises(UnknownMaskIdsError, match=r"values \[9\].*classes 0 to 3, ignore 255"):
        read_mask(description, "picture0")


def test_a_mask_of_another_size_or_of_colours_is_refused(tmp_path: Path) -> None:
    description = write_dataset(tmp_path)
    with pytest.raises(MaskContentError, match="64x64, its photograph 32x64"):
        read_mask(description, "picture0", shape=(64, 32))
    Image.new("RGB", (64, 64)).save(description.mask_path("picture0"))
    with pytest.raises(MaskContentError, match="RGB picture"):
        read_mask(description, "picture0")


def test_files_that_no_decoder_reads_are_named(tmp_path: Path) -> None:
    description = write_dataset(tmp_path)
    for path in (description.image_path("picture0"), description.mask_path("picture0")):
        path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(UnreadableImageError, match="picture0"):
        read_image(description, "picture0")
    with pytest.raises(UnreadableImageError, match="picture0"):
        read_mask(description, "picture0")
