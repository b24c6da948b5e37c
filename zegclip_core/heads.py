"""What every way from an image to scores of words has in common."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from zegclip_core.backbones.backbone import Backbone
from zegclip_core.visual_tower import VisualTower


@dataclass(frozen=True, slots=True)
class HeadFeatures:
    """What is kept of an image once it has been encoded; words can be asked of it again and again.

    Attributes:
        patches: (B, D, h, w), unit length along D.
        global_feature: (B, D), unit length.

    """

    patches: Tensor
    global_feature: Tensor


class SegmentationHead(Protocol):
    """Turns images into features, and features with words into logits."""

    @property
    def backbone(self) -> Backbone:
        """The CLIP it stands on."""
        ...

    @property
    def tower(self) -> VisualTower:
        """The image tower that `encode` runs; an engine can be given to it."""
        ...

    @property
    def none_logit(self) -> float | None:
        """The logit of "none of these words" on the scale of `logits`; None when it has no such score."""
        ...

    @property
    def encoding_digest(self) -> str:
        """Tells whether two heads encode alike, so that they may share what was encoded."""
        ...

    def encode(self, images: Tensor) -> HeadFeatures:
        """Encode normalised images (B, 3, H, W), sides multiples of the backbone's `size_multiple`."""
        ...

    def logits(self, features: HeadFeatures, text: Tensor) -> Tensor:
        """Score words (P, D), unit length, on the scale that softmax needs: (B, P, h, w), float32."""
        ...


def best_words(logits: Tensor, owners: Tensor, labels: int) -> Tensor:
    """Let each label take its best word: (B, P, h, w) to (B, C, h, w).

    Args:
        logits: of the words.
        owners: the label of each word (P,).
        labels: how many labels C there are; one without a word gets minus infinity.

    """
    lowest = logits.new_full((len(logits), labels, *logits.shape[-2:]), -torch.inf)
    places = owners.view(1, -1, 1, 1).expand_as(logits)
    return lowest.scatter_reduce(1, places, logits, "amax")
