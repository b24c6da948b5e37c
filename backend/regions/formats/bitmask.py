"""Bitmask regions: a PNG in a data address, of which the editor shows what is opaque."""

import base64
import binascii
import io
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from backend.regions.errors import RegionError

_PREFIX = "data:image/png;base64,"
_SIGNATURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_VISIBLE = 128
_BLACK = (0, 0, 0)


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the geometry of a mask (H, W): a palette PNG of one bit a pixel, black or transparent."""
    picture = Image.fromarray(mask.astype(np.uint8))
    picture.putpalette([*_BLACK, *_BLACK])
    file = io.BytesIO()
    picture.save(file, "PNG", bits=1, transparency=0)
    return {"imageDataURL": _PREFIX + base64.b64encode(file.getvalue()).decode("ascii")}


def decode(value: Mapping[str, Any], *, width: int, height: int) -> NDArray[np.bool_]:
    """Return the mask (H, W): what is opaque, or what is bright in a PNG without transparency.

    Raises `RegionError` for anything but a PNG of exactly this size, before its pixels are decoded.
    """
    data = _read_address(value.get("imageDataURL"))
    size = struct.unpack(">II", data[16:24])
    if size != (width, height):
        raise RegionError(f"the bitmask is {size[0]} x {size[1]} pixels, its image {width} x {height}")
    try:
        with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
            transparent = "A" in picture.getbands() or "transparency" in picture.info
            channel = picture.convert("RGBA").getchannel("A") if transparent else picture.convert("L")
            mask: NDArray[np.bool_] = np.asarray(channel) >= _VISIBLE
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        # Pillow raises these kinds for damaged files.
        raise RegionError(f"the bitmask's PNG is damaged: {error}") from error
    return mask


def _read_address(address: object) -> bytes:
    if not isinstance(address, str) or not address.startswith(_PREFIX):
        raise RegionError(f"a bitmask region has no 'imageDataURL' that begins with {_PREFIX!r}")
    try:
        data = base64.b64decode(address[len(_PREFIX) :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise RegionError(f"the bitmask's address is not base64: {error}") from error
    if not data.startswith(_SIGNATURE) or len(data) < len(_SIGNATURE) + 8:
        raise RegionError("the bitmask's address holds no PNG")
    return data
