"""An adapted dense CLIP where every caller expects a segmentation head."""

import torch
from torch import Tensor

from zegclip_core.adaptation.model import Adaptation
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.dense_head import DenseZeroShotHead
from zegclip_core.heads import HeadFeatures
from zegclip_core.visual_tower import VisualTower


class AdaptedHead:
    """Scores of words for every patch by a dense backbone and what was learned on top of it.

    It encodes as the dense head does, so that both share what has been encoded.

    Args:
        adaptation: what was learned; set to evaluation mode.
        backbone: the CLIP it was learned on.

    """

    def __init__(self, *, adaptation: Adaptation, backbone: Backbone) -> None:
        self.adaptation = adaptation.eval()
        self._dense = DenseZeroShotHead(backbone=backbone)

    @property
    def backbone(self) -> Backbone:
        """The CLIP it stands on."""
        return self._dense.backbone

    @property
    def tower(self) -> VisualTower:
        """The backbone's image tower."""
        return self._dense.tower

    @property
    def none_logit(self) -> float:
        """The logit of "none of these words"."""
        return 0.0

    @property
    def encoding_digest(self) -> str:
        """That of the dense head."""
        return self._dense.encoding_digest

    def encode(self, images: Tensor) -> HeadFeatures:
        """Encode normalised images (B, 3, H, W), sides multiples of the stride; features in float32."""
        return self._dense.encode(images)

    @torch.inference_mode()
    def logits(self, features: HeadFeatures, text: Tensor) -> Tensor:
        """Score words (P, D), unit length: (B, P, h, w), float32."""
        scores: Tensor = self.adaptation(features.patches, text)
        return scores.float()
