"""Brush regions: `{"format": "rle", "rle": [...]}`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.regions.brush_rle import decode_rle, encode_mask
from backend.regions.errors import RegionError

# The editor smooths the edges of strokes: half covered pixels count.
_VISIBLE = 128


def encode(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return the geometry of a mask (H, W): 0 or 255, since the editor takes the values as opacity."""
    return {"format": "rle", "rle": encode_mask(mask)}


def decode(value: Mapping[str, Any], *, width: int, height: int) -> NDArray[np.bool_]:
    """Return the mask (H, W); raises `RegionError` for a stream that is damaged or of another size."""
    rle = value.get("rle")
    if not isinstance(rle, list):
        raise RegionError("a brush region has no 'rle', a list of integers 0..255")
    mask: NDArray[np.bool_] = decode_rle(rle, width=width, height=height) >= _VISIBLE
    return mask
