"""Masks for clients of the newer prompt protocol: they read bright pixels of a PNG, whatever the control."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from backend.label_studio.label_config import Target
from backend.regions.controls.control import result
from zegclip_core.segmentation import Segmentation

_TYPE = "bitmasklabels"
_BLACK_AND_WHITE = [0, 0, 0, 255, 255, 255]


def white_masks(
    target: Target, segmentation: Segmentation, *, item_index: int | None
) -> list[dict[str, Any]]:
    """Return one region for each painted label: white where it is, black and transparent elsewhere."""
    found = []
    for number, score in sorted(segmentation.region_scores.items(), key=lambda pair: -pair[1]):
        picture = Image.fromarray(segmentation.mask(number).astype(np.uint8))
        picture.putpalette(_BLACK_AND_WHITE)
        file = io.BytesIO()
        picture.save(file, "PNG", bits=1, transparency=0)
        address = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"
        value = {"imageDataURL": address, _TYPE: [target.labels[number - 1].name]}
        region = result(target, segmentation, value=value, score=score, item_index=item_index)
        found.append({**region, "type": _TYPE})
    return found
