"""`<Choices>`: which labels are present in the image."""

from typing import Any

from backend.label_studio.label_config import Target
from backend.label_studio.label_declarations import LabelSource
from backend.regions.controls.control import result
from backend.regions.controls.presence import present
from zegclip_core.segmentation import Segmentation


class ImageChoices:
    """One result for the whole image; a single choice is the label with the largest area."""

    tag = "Choices"
    labels = LabelSource.CHOICES

    def results(
        self, target: Target, segmentation: Segmentation, *, item_index: int | None
    ) -> list[dict[str, Any]]:
        """Return one result, or none where no label passes the thresholds."""
        found = present(target, segmentation)[: 1 if target.single else None]
        if not found:
            return []
        value = {"choices": [shape.label for shape in found]}
        score = min(shape.score for shape in found)
        return [result(target, segmentation, value=value, score=score, item_index=item_index)]


CONTROLS = (ImageChoices(),)
