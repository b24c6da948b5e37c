"""`<PolygonLabels>`, and `<Polygon>` beside `<Labels>`: outlines of connected components, holes left out."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.label_studio.control_options import ControlOptions
from backend.regions.controls.labelled import LabelledRegions, SplitRegions
from backend.regions.formats import polygon


def _draw(mask: NDArray[np.bool_], options: ControlOptions) -> Iterator[dict[str, Any]]:
    return polygon.encode(mask, tolerance=options.tolerance)


CONTROLS = (
    LabelledRegions(tag="PolygonLabels", draw=_draw, output="component"),
    SplitRegions(tag="Polygon", draw=_draw, output="component"),
)
