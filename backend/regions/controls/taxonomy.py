"""`<Taxonomy>`: which leaves of a tree of choices are present in the image, each with its path."""

from typing import Any

from backend.label_studio.label_config import Target
from backend.label_studio.label_declarations import LabelSource
from backend.regions.controls.control import result
from backend.regions.controls.presence import present
from zegclip_core.segmentation import Segmentation


class ImageTaxonomy:
    """One result for the whole image, with the paths of all leaves that are present."""

    tag = "Taxonomy"
    labels = LabelSource.PATHS

    def results(
        self, target: Target, segmentation: Segmentation, *, item_index: int | None
    ) -> list[dict[str, Any]]:
        """Return one result, or none where no leaf passes the thresholds."""
        found = present(target, segmentation)
        if not found:
            return []
        value = {"taxonomy": [list(target.paths.get(shape.label, (shape.label,))) for shape in found]}
        score = min(shape.score for shape in found)
        return [result(target, segmentation, value=value, score=score, item_index=item_index)]


CONTROLS = (ImageTaxonomy(),)
