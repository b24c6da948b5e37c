"""Controls whose results are places in the image: with their own labels, or those of a `<Labels>` beside."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.label_studio.control_options import ControlOptions, Output
from backend.label_studio.label_config import Target
from backend.label_studio.label_declarations import LabelSource
from backend.regions.controls.control import new_id, result
from backend.regions.shapes import Shape, shapes
from zegclip_core.segmentation import Segmentation

Draw = Callable[[NDArray[np.bool_], ControlOptions], Iterable[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledRegions:
    """A control with labels of its own, such as `<BrushLabels>`: one result for each region.

    Attributes:
        tag: the tag's name.
        draw: from a mask to the geometry of one region or several.
        output: one region for each class or each component, unless the project says otherwise.

    """

    tag: str
    draw: Draw
    output: Output
    labels: LabelSource = LabelSource.OWN

    def results(
        self, target: Target, segmentation: Segmentation, *, item_index: int | None
    ) -> list[dict[str, Any]]:
        """Return the regions, the largest first."""
        return [
            result(
                target,
                segmentation,
                value={**geometry, target.control_type: [shape.label]},
                score=shape.score,
                item_index=item_index,
            )
            for shape, geometry in _draw(self.draw, self.output, target, segmentation)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitRegions:
    """A tool without labels beside a `<Labels>`: two results with the same id for each region.

    Attributes:
        tag: the tool's name, such as `Brush`.
        draw: from a mask to the geometry of one region or several.
        output: one region for each class or each component, unless the project says otherwise.

    """

    tag: str
    draw: Draw
    output: Output
    labels: LabelSource = LabelSource.PAIRED

    def results(
        self, target: Target, segmentation: Segmentation, *, item_index: int | None
    ) -> list[dict[str, Any]]:
        """Return the halves of the regions next to each other, the largest region first."""
        found = []
        for shape, geometry in _draw(self.draw, self.output, target, segmentation):
            half = result(
                target,
                segmentation,
                value=geometry,
                score=shape.score,
                item_index=item_index,
                region_id=new_id(),
            )
            labelled = {**geometry, "labels": [shape.label]}
            found += [half, {**half, "from_name": target.labels_name, "type": "labels", "value": labelled}]
        return found


def _draw(
    draw: Draw, output: Output, target: Target, segmentation: Segmentation
) -> Iterator[tuple[Shape, dict[str, Any]]]:
    """Shapes and their geometries; a shape in several pieces counts as several regions."""
    left = target.options.max_regions
    for shape in shapes(target, segmentation, output=target.options.output or output):
        for geometry in islice(draw(shape.mask, target.options), left):
            left -= 1
            yield shape, geometry
        if not left:
            return
