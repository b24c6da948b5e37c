"""Every control tag that regions can be made for: one module each, listed here and nowhere else."""

import uuid
from collections.abc import Callable
from typing import Any

from backend.label_studio.label_config import Target
from backend.regions import brush_labels
from backend.regions.shapes import Shape, shapes
from zegclip_core.segmentation import Segmentation

_MODULES = (brush_labels,)
CONTROL_TAGS = frozenset(module.TAG for module in _MODULES)
_VALUES: dict[str, Callable[[Shape], dict[str, Any]]] = {
    module.TAG.lower(): module.value for module in _MODULES
}
_SCORE_DIGITS = 4


def build_regions(target: Target, segmentation: Segmentation) -> list[dict[str, Any]]:
    """Return the regions of one control in Label Studio's form, ids unique, the largest first."""
    height, width = segmentation.label_map.shape
    value = _VALUES[target.control_type]
    return [
        {
            "id": uuid.uuid4().hex[:10],
            "from_name": target.from_name,
            "to_name": target.to_name,
            "type": target.control_type,
            "original_width": width,
            "original_height": height,
            "image_rotation": 0,
            "value": value(shape),
            "score": round(shape.score, _SCORE_DIGITS),
        }
        for shape in shapes(target, segmentation)
    ]
