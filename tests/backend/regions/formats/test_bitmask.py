import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backend.regions.errors import RegionError
from backend.regions.formats import bitmask
from tests.backend.regions.masks import blobs

PREFIX = "data:image/png;base64,"
MASK = blobs(1, height=13, width=21)


def address(picture: Image.Image, **options: object) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return PREFIX + base64.b64encode(file.getvalue()).decode()


def raw(value: dict[str, str]) -> bytes:
    return base64.b64decode(value["imageDataURL"][len(PREFIX) :])


def test_a_mask_comes_back() -> None:
    assert np.array_equal(bitmask.decode(bitmask.encode(MASK), width=21, height=13), MASK)


def test_the_png_has_one_bit_for_each_pixel_black_on_transparent() -> None:
    content = raw(bitmask.encode(MASK))
    bit_depth, colour_type = content[24], content[25]
    assert (bit_depth, colour_type) == (1, 3)
    with Image.open(io.BytesIO(content)) as picture:
        pixels = np.asarray(picture.convert("RGBA"))
    assert np.array_equal(pixels[..., 3], np.where(MASK, 255, 0))
    assert not pixels[..., :3].any()


@pytest.mark.parametrize("full", [False, True])
def test_empty_and_full_masks_come_back(full: bool) -> None:
    mask = np.full((3, 5), full)
    assert np.array_equal(bitmask.decode(bitmask.encode(mask), width=5, height=3), mask)


def test_alpha_counts_from_128_whatever_the_colour() -> None:
    pixels = np.zeros((1, 4, 4), np.uint8)
    pixels[0, :, 3] = (0, 127, 128, 255)
    pixels[0, :2, :3] = 255
    value = {"imageDataURL": address(Image.fromarray(pixels, "RGBA"))}
    assert bitmask.decode(value, width=4, height=1).tolist() == [[False, False, True, True]]


def test_brightness_counts_where_there_is_no_transparency() -> None:
    value = {"imageDataURL": address(Image.fromarray(np.array([[0, 127, 128, 255]], np.uint8)))}
    assert bitmask.decode(value, width=4, height=1).tolist() == [[False, False, True, True]]


def test_another_size_is_refused_before_a_pixel_is_decoded() -> None:
    huge = bytearray(raw(bitmask.encode(MASK)))
    huge[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(RegionError, match="60000 x 60000"):
        bitmask.decode({"imageDataURL": PREFIX + base64.b64encode(huge).decode()}, width=21, height=13)


@pytest.mark.parametrize(
    "given_address",
    [
        None,
        7,
        "",
        "http://127.0.0.1/mask.png",
        "file:///etc/passwd",
        PREFIX,
        PREFIX + "!!!!",
        PREFIX + "QUJD",
        "data:image/gif;base64,R0lGODlhAQABAAAAACw=",
    ],
)
def test_what_is_no_png_in_a_data_address_is_refused(given_address: object) -> None:
    with pytest.raises(RegionError):
        bitmask.decode({"imageDataURL": given_address}, width=21, height=13)


@given(st.data())
def test_damaged_files_are_refused_or_read_and_never_crash(data: st.DataObject) -> None:
    content = bytearray(raw(bitmask.encode(MASK)))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    cut = content[: data.draw(st.integers(0, len(content)))]
    try:
        mask = bitmask.decode({"imageDataURL": PREFIX + base64.b64encode(cut).decode()}, width=21, height=13)
    except RegionError:
        return
    assert mask.shape == (13, 21)
