import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from backend.images.errors import ImageContentError
from backend.images.loader import decode_image

ORIENTATION = 0x0112
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def file_of(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def corners() -> Image.Image:
    """A landscape picture whose four quarters differ."""
    image = Image.new("RGB", (48, 32), RED)
    image.paste(GREEN, (24, 0, 48, 16))
    image.paste(BLUE, (0, 16, 24, 32))
    image.paste(WHITE, (24, 16, 48, 32))
    return image


# How a camera must have stored a picture so that the orientation's tag brings it upright (EXIF 2.32).
STORED = {
    1: lambda image: image,
    2: ImageOps.mirror,
    3: lambda image: image.rotate(180),
    4: ImageOps.flip,
    5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    6: lambda image: image.transpose(Image.Transpose.ROTATE_90),
    7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    8: lambda image: image.transpose(Image.Transpose.ROTATE_270),
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", STORED)
def test_every_exif_orientation_comes_out_upright(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    options = {"quality": 95} if kind in ("JPEG", "WEBP") else {}
    data = file_of(STORED[orientation](corners()), kind, exif=exif, **options)

    pixels = decode_image(data)

    assert pixels.shape == (32, 48, 3)
    difference = np.abs(pixels.astype(int) - np.asarray(corners()).astype(int))
    # Lossy formats blur where the quarters meet.
    assert np.median(difference) <= 2
    assert difference.mean() < 12


def grey16(values: list[int]) -> Image.Image:
    return Image.fromarray(np.array([values], np.uint16))


def alpha(mode: str) -> Image.Image:
    """One opaque black pixel, one half black, one invisible."""
    image = Image.new(mode, (3, 1))
    for x, opacity in enumerate((255, 128, 0)):
        image.putpixel((x, 0), (0, opacity) if mode == "LA" else (0, 0, 0, opacity))
    return image


def palette(transparent: int | None = None) -> bytes:
    image = Image.new("P", (3, 1))
    image.putpalette([*RED, *GREEN, *BLUE])
    image.putdata([0, 1, 2])
    return file_of(image, **({} if transparent is None else {"transparency": transparent}))


def cmyk_tiff() -> bytes:
    image = Image.new("CMYK", (2, 1))
    image.putdata([(0, 255, 255, 0), (0, 0, 0, 255)])
    return file_of(image, "TIFF")


def animation(kind: str, **options: Any) -> bytes:
    frames = [Image.new("RGB", (1, 1), BLUE)]
    return file_of(Image.new("RGB", (1, 1), RED), kind, save_all=True, append_images=frames, **options)


def grey_columns(*values: int) -> list[tuple[int, int, int]]:
    return [(value, value, value) for value in values]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(file_of(Image.new("RGB", (1, 1), RED)), [RED], id="RGB"),
        pytest.param(file_of(Image.new("L", (1, 1), 90)), grey_columns(90), id="grey"),
        pytest.param(file_of(Image.new("1", (2, 1), 1)), [WHITE, WHITE], id="one bit"),
        pytest.param(file_of(grey16([0, 0x8000, 0xFFFF])), grey_columns(0, 128, 255), id="16 bits PNG"),
        pytest.param(
            file_of(grey16([0, 0x8000, 0xFFFF]), "TIFF"), grey_columns(0, 128, 255), id="16 bits TIFF"
        ),
        pytest.param(
            file_of(Image.fromarray(np.array([[-1e6, 0.0, 1e6]], np.float32)), "TIFF"),
            grey_columns(0, 128, 255),
            id="floating point is stretched",
        ),
        pytest.param(
            file_of(Image.fromarray(np.array([[np.nan, np.inf, 0.0]], np.float32)), "TIFF"),
            grey_columns(0, 0, 0),
            id="floating point without finite values",
        ),
        pytest.param(
            file_of(Image.fromarray(np.array([[0, 1 << 30, 1 << 31]], np.uint32).astype(np.int32)), "TIFF"),
            grey_columns(170, 255, 0),
            id="32 bits are stretched",
        ),
        pytest.param(palette(), [RED, GREEN, BLUE], id="palette"),
        pytest.param(palette(transparent=1), [RED, WHITE, BLUE], id="palette with a transparent colour"),
        pytest.param(file_of(alpha("RGBA")), grey_columns(0, 127, 255), id="RGBA lies on white"),
        pytest.param(file_of(alpha("LA")), grey_columns(0, 127, 255), id="LA lies on white"),
        pytest.param(cmyk_tiff(), [RED, (0, 0, 0)], id="CMYK"),
        pytest.param(
            animation("GIF"),
            [RED],
            id="the first frame of an animation",
        ),
        pytest.param(
            animation("WEBP", lossless=True),
            [RED],
            id="the first frame of an animated WebP",
        ),
        pytest.param(file_of(Image.new("RGB", (1, 1), BLUE), "BMP"), [BLUE], id="BMP"),
    ],
)
def test_every_kind_of_pixel_becomes_eight_bit_rgb(data: bytes, expected: list[tuple[int, ...]]) -> None:
    pixels = decode_image(data)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels[0].astype(int) - np.array(expected)).max() <= 1


def test_a_jpeg_in_cmyk_keeps_its_colours() -> None:
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    pixels = decode_image(file_of(image, "JPEG", quality=95))
    assert np.abs(pixels.astype(int).mean(axis=(0, 1)) - RED).max() < 8


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises pixels and has none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", len(header))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + struct.pack(">I", 0)
        + b"IDAT"
        + struct.pack(">I", zlib.crc32(b"IDAT"))
    )


@pytest.mark.parametrize("size", [(1001, 1000), (60_000, 60_000)], ids=["a little", "a bomb"])
def test_too_many_pixels_are_refused_before_any_is_decoded(size: tuple[int, int]) -> None:
    # There are no pixels in the file: had they been asked for, the message would be another one.
    with pytest.raises(ImageContentError, match=r"1,000,000 .*allowed"):
        decode_image(png_header(*size), max_pixels=1_000_000)


def test_an_image_of_exactly_the_cap_is_taken() -> None:
    assert decode_image(file_of(Image.new("L", (100, 10))), max_pixels=1000).shape == (10, 100, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_truncated_file_is_refused_not_half_painted(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    data = file_of(Image.fromarray(noise), kind)
    with pytest.raises(ImageContentError):
        decode_image(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"hello", "no image"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b'<?xml version="1.0"?><svg/>', "SVG"),
        (b"<!DOCTYPE html><html>log in</html>", "web page"),
        (b"  <html><body>log in</body></html>", "web page"),
    ],
)
def test_what_is_no_image_is_named(data: bytes, message: str) -> None:
    with pytest.raises(ImageContentError, match=message):
        decode_image(data)


def test_formats_that_start_other_programs_are_not_read() -> None:
    postscript = file_of(Image.new("RGB", (2, 2)), "EPS")
    with pytest.raises(ImageContentError, match="no image"):
        decode_image(postscript)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_image_or_an_error_with_a_message(data: bytes) -> None:
    with pytest.raises(ImageContentError, match=r"\w"):
        decode_image(data)


@given(st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_file_is_an_image_or_an_error_with_a_message(position: int, value: int) -> None:
    data = bytearray(file_of(corners(), "JPEG"))
    data[position % len(data)] = value
    try:
        pixels = decode_image(bytes(data), max_pixels=1_000_000)
    except ImageContentError as error:
        assert str(error)
    else:
        assert pixels.dtype == np.uint8
        assert pixels.shape[2] == 3
