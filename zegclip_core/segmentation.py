"""What a segmenter gives back."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """A label for every pixel of an image.

    Attributes:
        label_map: (H, W) uint16 at the image's size; 0 = none or background, i = the i-th label, from 1.
        confidence: (h, w) float32, 0..1, the winning label's probability, at the working size (same aspect).
        region_scores: label number to the mean confidence inside its pixels.
        certainty: 1 - mean entropy of all patches divided by its maximum; 0..1.
        timings: seconds by stage.

    """

    label_map: NDArray[np.uint16]
    confidence: NDArray[np.float32]
    region_scores: dict[int, float]
    certainty: float
    timings: dict[str, float] = field(default_factory=dict)

    def mask(self, label: int) -> NDArray[np.bool_]:
        """Return the pixels (H, W) of the `label`-th label, counted from 1."""
        mask: NDArray[np.bool_] = self.label_map == label
        return mask
