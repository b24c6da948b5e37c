"""`<RectangleLabels>`, and `<Rectangle>` beside `<Labels>`: the boxes of connected components."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.label_studio.control_options import ControlOptions
from backend.regions.controls.labelled import LabelledRegions, SplitRegions
from backend.regions.formats import rectangle


def _draw(mask: NDArray[np.bool_], _: ControlOptions) -> list[dict[str, Any]]:
    return [rectangle.encode(mask)]


CONTROLS = (
    LabelledRegions(tag="RectangleLabels", draw=_draw, output="component"),
    SplitRegions(tag="Rectangle", draw=_draw, output="component"),
)
