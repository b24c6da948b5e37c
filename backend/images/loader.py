"""The one way from bytes to pixels: RGB, 8 bits, as a browser shows the image."""

import io
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from backend.images.errors import ImageContentError

DEFAULT_MAX_PIXELS = 50_000_000
_WHITE = (255, 255, 255, 255)
# What browsers and Label Studio show, plus TIFF and its like. Pillow knows more, among them formats that
# start other programs (EPS) or that nobody annotates.
_FORMATS = ("AVIF", "BMP", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")


def decode_image(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> NDArray[np.uint8]:
    """Decode an image file to an array (H, W, 3) uint8 at the size that a browser displays.

    EXIF orientation is applied, transparency lies on white, 16-bit values keep their upper byte, floating
    point is stretched from its smallest to its largest value, of an animation the first frame is taken.

    Raises `ImageContentError` for anything that is no image, is truncated, or has more than `max_pixels`.
    """
    try:
        # Pillow warns of large images although the cap below has the last word.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        raise ImageContentError(_no_image(data)) from None
    except Image.DecompressionBombError:
        raise ImageContentError(f"the image has far more than the {max_pixels:,} pixels allowed") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageContentError(f"the image cannot be read: {error}") from error
    with image:
        width, height = image.size
        if width * height > max_pixels:
            raise ImageContentError(
                f"the image has {width}x{height} pixels, more than the {max_pixels:,} allowed "
                "(ZEGCLIP_MAX_PIXELS): scale it down"
            )
        try:
            image.load()
            return np.asarray(_as_rgb(ImageOps.exif_transpose(image)))
        except (
            OSError,
            ValueError,
            SyntaxError,
            EOFError,
            MemoryError,
            Image.DecompressionBombError,
        ) as error:
            raise ImageContentError(f"the {image.format} image is damaged: {error}") from error


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return _from_array(np.asarray(image).astype(np.uint16) >> 8)
    if image.mode == "I":
        return _from_array(_eight_bits(np.asarray(image)))
    if image.mode == "F":
        return _from_array(_stretched(np.asarray(image)))
    if "A" in image.getbands() or "transparency" in image.info:
        over = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", over.size, _WHITE), over).convert("RGB")
    return image.convert("RGB")


def _from_array(grey: NDArray[Any]) -> Image.Image:
    return Image.fromarray(grey.astype(np.uint8)).convert("RGB")


def _eight_bits(values: NDArray[Any]) -> NDArray[Any]:
    """Pillow reads some 16-bit files as 32-bit integers; true 32-bit ones are stretched."""
    if values.size and values.min() >= 0 and values.max() <= 0xFFFF:
        return values >> 8 if values.max() > 0xFF else values
    return _stretched(values)


def _stretched(values: NDArray[Any]) -> NDArray[np.uint8]:
    finite = np.where(np.isfinite(values), values, 0.0).astype(np.float64)
    low, high = finite.min(), finite.max()
    if high == low:
        return np.zeros(finite.shape, np.uint8)
    stretched: NDArray[np.uint8] = ((finite - low) * (255.0 / (high - low))).round().astype(np.uint8)
    return stretched


def _no_image(data: bytes) -> str:
    start = data[:256].lstrip().lower()
    if not data:
        return "the file is empty"
    if start.startswith((b"<svg", b"<?xml")):
        return "SVG drawings have no pixels: export them as PNG"
    if start.startswith((b"<!doctype", b"<html")):
        return "the address gives a web page instead of an image: is a login in between?"
    return f"these {len(data):,} bytes are no image that is known here (JPEG, PNG, WebP, TIFF, BMP, GIF …)"
