"""What every control has in common."""

import uuid
from typing import Any, Protocol

from backend.label_studio.label_config import Target
from backend.label_studio.label_declarations import LabelSource
from zegclip_core.segmentation import Segmentation

_SCORE_DIGITS = 4


class Control(Protocol):
    """A control tag that results can be made for."""

    @property
    def tag(self) -> str:
        """The tag's name, such as `BrushLabels`."""
        ...

    @property
    def labels(self) -> LabelSource:
        """Where its labels are declared."""
        ...

    def results(
        self, target: Target, segmentation: Segmentation, *, item_index: int | None
    ) -> list[dict[str, Any]]:
        """Return results in Label Studio's form, ids unique, the most important first."""
        ...


def new_id() -> str:
    """Return an id for a region."""
    return uuid.uuid4().hex[:10]


def result(
    target: Target,
    segmentation: Segmentation,
    *,
    value: dict[str, Any],
    score: float,
    item_index: int | None,
    region_id: str | None = None,
) -> dict[str, Any]:
    """Return one result of a target with the keys that all kinds share."""
    height, width = segmentation.label_map.shape
    item = {} if item_index is None else {"item_index": item_index}
    return {
        "id": region_id or new_id(),
        "from_name": target.from_name,
        "to_name": target.to_name,
        "type": target.control_type,
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": value,
        "score": round(score, _SCORE_DIGITS),
        **item,
    }
