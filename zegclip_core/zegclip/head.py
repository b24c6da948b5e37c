"""ZegCLIP where every caller expects a segmentation head."""

import hashlib

import torch
from torch import Tensor

from zegclip_core.backbones.backbone import Backbone
from zegclip_core.devices import inference_precision
from zegclip_core.errors import ModelOptionError
from zegclip_core.heads import HeadFeatures
from zegclip_core.looks import look_around, looks_identity
from zegclip_core.visual_tower import VisualTower
from zegclip_core.zegclip.model import ZegCLIP
from zegclip_core.zegclip.seen_bias import RELEASED_SEEN_BIAS, biased_probabilities

# Words with the same text after cleaning have equal features up to rounding; different ones differ far more.
_SAME_WORD = 0.9999
_SMALLEST = 1e-6


class ZegCLIPHead:
    """Scores of words for every patch by a trained ZegCLIP.

    A logit is that of the class's own probability p, so that softmax among one word and "none" gives p. Words
    that training has seen give way by `seen_bias` in probability; they are recognised by their text features,
    however a label is called or spelt.

    Args:
        model: the trained model; set to evaluation mode. A head is made anew when it is trained on.
        backbone: gives pixel scale, image sizes and text features; must fit the model.
        seen_text: features of the words that training has seen (S, D), made as the words asked for; None for
            no bias.
        seen_bias: subtracted from the probability of seen words.
        none_probability: the probability below which a patch shows none of the words; None leaves that to
            background words.

    """

    def __init__(
        self,
        *,
        model: ZegCLIP,
        backbone: Backbone,
        seen_text: Tensor | None = None,
        seen_bias: float = RELEASED_SEEN_BIAS,
        none_probability: float | None = 0.5,
    ) -> None:
        if none_probability is not None and not 0 < none_probability < 1:
            raise ModelOptionError(
                f"none_probability = {none_probability}: must lie between 0 and 1, or be None"
            )
        self.model = model.eval()
        self._backbone = backbone
        self.seen_text = seen_text
        self.seen_bias = seen_bias
        self.none_probability = none_probability
        self._encoding_digest = _digest_encoder(model, backbone)

    @property
    def backbone(self) -> Backbone:
        """The CLIP it stands on, with the model's own pixel scale and image sizes."""
        return self._backbone

    @property
    def tower(self) -> VisualTower:
        """The model's image tower."""
        return self.model.tower

    @property
    def none_logit(self) -> float | None:
        """The logit of "none of these words"."""
        if self.none_probability is None:
            return None
        return float(torch.logit(torch.tensor(self.none_probability, dtype=torch.float64)))

    @property
    def encoding_digest(self) -> str:
        """The backbone's weights, what was learned in front of them, the looks, and the engine."""
        looks = looks_identity(self.backbone.sizes)
        return f"{self._encoding_digest} {looks} {self.tower.engine_name}"

    @torch.inference_mode()
    def encode(self, images: Tensor) -> HeadFeatures:
        """Encode normalised images (B, 3, H, W), sides multiples of the stride; features in float32.

        Looks twice where the backbone's `context_side` asks for it; the decoder sees the mean.
        """
        return look_around(self._look, images, self.backbone.sizes)

    def _look(self, images: Tensor) -> HeadFeatures:
        with inference_precision(self.backbone.device):
            patches, global_feature = self.model.encode_image(images)
        return HeadFeatures(patches=patches.float(), global_feature=global_feature.float())

    @torch.inference_mode()
    def logits(self, features: HeadFeatures, text: Tensor) -> Tensor:
        """Score words (P, D), unit length, the bias for seen ones included: (B, P, h, w), float32."""
        logits = self.model.decode(features.patches, features.global_feature, text).float()
        seen = self.seen(text)
        if self.seen_bias == 0 or not bool(seen.any()):
            return logits
        biased = torch.logit(biased_probabilities(logits, seen, self.seen_bias), eps=_SMALLEST)
        return torch.where(seen.view(1, -1, 1, 1), biased, logits)

    def seen(self, text: Tensor) -> Tensor:
        """Which of the words (P, D) training has seen, (P,) bool."""
        if self.seen_text is None or not len(self.seen_text):
            return torch.zeros(len(text), dtype=torch.bool, device=text.device)
        similarity = text.float() @ self.seen_text.to(text.device).float().t()
        return (similarity > _SAME_WORD).any(dim=1)


def _digest_encoder(model: ZegCLIP, backbone: Backbone) -> str:
    digest = hashlib.sha256(f"{backbone.digest} {model.options!r}".encode())
    for name, parameter in model.encoder.named_parameters():
        if parameter.requires_grad:
            digest.update(name.encode())
            digest.update(parameter.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()
