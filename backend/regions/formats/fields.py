"""Reading the fields of untrusted regions."""

import math
from collections.abc import Mapping
from typing import Any

from backend.regions.errors import RegionError

# Label Studio writes percent; shapes that were dragged beyond the image's edge stay far below this.
_FARTHEST = 10_000.0


def read_number(value: Mapping[str, Any], field: str, *, default: float | None = None) -> float:
    """Return a field as a finite number of a sensible size.

    Raises `RegionError` when it is missing (and has no default), no number, or absurd.
    """
    given = value.get(field, default)
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise RegionError(f"a region's {field!r} is {_shown(given)}: it must be a number")
    if not math.isfinite(given) or abs(given) > _FARTHEST:
        raise RegionError(f"a region's {field!r} is {_shown(given)}: it must be a percentage")
    return float(given)


def read_size(region: Mapping[str, Any], *, width: int, height: int, most_pixels: int) -> tuple[int, int]:
    """Return the width and height in pixels that a region was made for: the image's where it says nothing.

    Raises `RegionError` for sizes that are no whole numbers or hold more than `most_pixels`.
    """
    sizes = []
    for field, fallback in (("original_width", width), ("original_height", height)):
        given = region.get(field)
        if given is None:
            given = fallback
        if isinstance(given, float) and given.is_integer():
            given = int(given)
        if isinstance(given, bool) or not isinstance(given, int) or given < 1:
            raise RegionError(f"a region's {field!r} is {_shown(given)}: it must be a number of pixels")
        sizes.append(given)
    if sizes[0] * sizes[1] > max(most_pixels, width * height):
        raise RegionError(f"a region says its image has {sizes[0]} x {sizes[1]} pixels: too many")
    return sizes[0], sizes[1]


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
