"""Zero-shot segmentation by the cosine of patch and word, with last-block surgery for models that need it."""

import torch
import torch.nn.functional as F
from torch import Tensor

from zegclip_core.backbones.backbone import Backbone
from zegclip_core.devices import inference_precision
from zegclip_core.errors import ShapeError
from zegclip_core.heads import HeadFeatures
from zegclip_core.looks import look_around, looks_identity
from zegclip_core.surgery.choice import Surgery, encode_with_surgery
from zegclip_core.surgery.last_block import LastBlock
from zegclip_core.visual_tower import VisualTower

# SCLIP and the methods after it; CLIP's own 100 makes every patch certain.
PLAIN_LOGIT_SCALE = 40.0


class DenseZeroShotHead:
    """Scores of words for every patch, without training.

    Args:
        backbone: the CLIP.
        surgery: the way through the last block; by default none for a backbone trained on patches, else
            SC-CLIP.
        logit_scale: factor from cosine to logit; by default the learned one of a backbone trained on patches,
            else 40.

    Raises `UnsupportedArchitectureError` when surgery is wished for and the last block cannot be taken apart.

    """

    def __init__(
        self, *, backbone: Backbone, surgery: Surgery | None = None, logit_scale: float | None = None
    ) -> None:
        self._backbone = backbone
        self.surgery: Surgery = surgery or ("none" if backbone.is_dense else "sc-clip")
        if self.surgery != "none":
            LastBlock(backbone.tower)
        own_scale = backbone.logit_scale if backbone.is_dense else PLAIN_LOGIT_SCALE
        self.logit_scale = own_scale if logit_scale is None else logit_scale

    @property
    def backbone(self) -> Backbone:
        """The CLIP it stands on."""
        return self._backbone

    @property
    def tower(self) -> VisualTower:
        """The backbone's image tower."""
        return self.backbone.tower

    @property
    def none_logit(self) -> float | None:
        """The logit of "none of these words", where the backbone has learned one."""
        cosine = self.backbone.none_cosine
        return None if cosine is None else self.logit_scale * cosine

    @property
    def encoding_digest(self) -> str:
        """The backbone's weights, the looks, the way through the last block, and the engine."""
        looks = looks_identity(self.backbone.sizes)
        return f"{self.backbone.digest} {looks} {self.surgery} {self.tower.engine_name}"

    @torch.inference_mode()
    def encode(self, images: Tensor) -> HeadFeatures:
        """Encode normalised images (B, 3, H, W), sides multiples of the stride; features in float32.

        Looks twice where the backbone's `context_side` asks for it.
        """
        return look_around(self._look, images, self.backbone.sizes)

    def _look(self, images: Tensor) -> HeadFeatures:
        with inference_precision(self.backbone.device):
            patches, class_feature = encode_with_surgery(self.backbone.tower, images, self.surgery)
        return HeadFeatures(
            patches=F.normalize(patches.float(), dim=1),
            global_feature=F.normalize(class_feature.float(), dim=-1),
        )

    @torch.inference_mode()
    def logits(self, features: HeadFeatures, text: Tensor) -> Tensor:
        """Return cosine times scale of every patch and word (P, D): (B, P, h, w), float32."""
        if text.ndim != 2 or text.shape[1] != features.patches.shape[1]:
            raise ShapeError(
                f"text features of shape {tuple(text.shape)}: expected (words, {features.patches.shape[1]})"
            )
        return self.logit_scale * torch.einsum("bdhw,pd->bphw", features.patches, text.float())
