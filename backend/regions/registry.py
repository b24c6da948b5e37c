"""Every control tag that results can be made for: one module for each kind, listed here and nowhere else.

Of several tools beside the same `<Labels>`, the first in this order is used.
"""

from typing import Any

from backend.label_studio.label_config import Target
from backend.label_studio.label_declarations import LabelSource
from backend.regions.controls import bitmask, brush, choices, ellipse, polygon, rectangle, taxonomy
from backend.regions.controls.control import Control
from zegclip_core.segmentation import Segmentation

_CONTROLS: tuple[Control, ...] = (
    *brush.CONTROLS,
    *bitmask.CONTROLS,
    *polygon.CONTROLS,
    *ellipse.CONTROLS,
    *rectangle.CONTROLS,
    *choices.CONTROLS,
    *taxonomy.CONTROLS,
)
CONTROL_TAGS: dict[str, LabelSource] = {control.tag: control.labels for control in _CONTROLS}
_BY_TYPE = {control.tag.lower(): control for control in _CONTROLS}


def build_regions(
    target: Target, segmentation: Segmentation, *, item_index: int | None = None
) -> list[dict[str, Any]]:
    """Return the results of one control in Label Studio's form, ids unique, the largest first.

    Args:
        target: the control and its image.
        segmentation: of that image with the target's labels.
        item_index: the image's place in a list of images.

    """
    return _BY_TYPE[target.control_type].results(target, segmentation, item_index=item_index)


def is_for_regions(target: Target) -> bool:
    """Whether a target's results have a place in the image, and do not describe it as a whole."""
    return _BY_TYPE[target.control_type].labels.is_for_regions
