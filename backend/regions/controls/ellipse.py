"""`<EllipseLabels>`, and `<Ellipse>` beside `<Labels>`: ellipses of connected components."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.label_studio.control_options import ControlOptions
from backend.regions.controls.labelled import LabelledRegions, SplitRegions
from backend.regions.formats import ellipse


def _draw(mask: NDArray[np.bool_], _: ControlOptions) -> list[dict[str, Any]]:
    return [ellipse.encode(mask)]


CONTROLS = (
    LabelledRegions(tag="EllipseLabels", draw=_draw, output="component"),
    SplitRegions(tag="Ellipse", draw=_draw, output="component"),
)
