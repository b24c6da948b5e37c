"""`<BrushLabels>`, and `<Brush>` beside `<Labels>`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.label_studio.control_options import ControlOptions
from backend.regions.controls.labelled import LabelledRegions, SplitRegions
from backend.regions.formats import brush


def _draw(mask: NDArray[np.bool_], _: ControlOptions) -> list[dict[str, Any]]:
    return [brush.encode(mask)]


CONTROLS = (
    LabelledRegions(tag="BrushLabels", draw=_draw, output="class"),
    SplitRegions(tag="Brush", draw=_draw, output="class"),
)
