"""Labels of an image as a whole."""

from backend.label_studio.label_config import Target
from backend.regions.shapes import Shape, shapes
from zegclip_core.segmentation import Segmentation


def present(target: Target, segmentation: Segmentation) -> list[Shape]:
    """Return the labels that are painted and pass the target's thresholds, the largest area first."""
    return shapes(target, segmentation, output="class")
