"""`<BrushLabels>`: one brush region for each shape."""

from typing import Any

from backend.regions.brush_rle import encode_mask
from backend.regions.shapes import Shape

TAG = "BrushLabels"


def value(shape: Shape) -> dict[str, Any]:
    """Return the `value` of a brush region; masks are 0 or 255, since the editor takes them as opacity."""
    return {"format": "rle", "rle": encode_mask(shape.mask), "brushlabels": [shape.label]}
