"""A frozen CLIP with all that is needed to feed it: pixel scale, sizes, sentences, temperature."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zegclip_core.errors import ShapeError
from zegclip_core.text_tower import PADDING, encode_tokens
from zegclip_core.visual_tower import VisualTower

Tokenizer = Callable[[list[str]], Tensor]
_SENTENCES_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSizes:
    """How large the images should be that a model sees.

    Attributes:
        multiple: both sides are multiples of this many pixels.
        long_side: the longer side of a whole image, for a model that looks at it at once; None otherwise.
        short_side: the shorter side of an image that is cut into windows; None for whole images.
        window: side of a square window in pixels; None for whole images.
        context_side: what is larger is seen a second time, its longer side brought to this many pixels, and
            the features of both looks are averaged: the large look finds small things, the small one tells
            what large ones are. None for one look.

    """

    multiple: int
    long_side: int | None = None
    short_side: int | None = None
    window: int | None = None
    context_side: int | None = None


class Backbone(nn.Module):
    """An open_clip CLIP, frozen and in evaluation mode.

    Args:
        clip: open_clip's model; its image tower must be a plain ViT (`UnsupportedArchitectureError`).
        tokenizer: sentences to token ids (N, context).
        name: what predictions call the model.
        revision: tells two states of its weights apart.
        digest: SHA-256 of the weight file; text features on disk are filed under it.
        stride: pixels from patch to patch.
        sizes: the image sizes it works best with.
        image_mean: mean of each channel, on the scale 0..1.
        image_std: standard deviation of each channel, on the scale 0..1.
        none_cosine: the cosine below which a patch is none of the words, where the model has learned one.
        templates: the sentences that words are put into.

    """

    clip: Any
    tower: VisualTower
    image_mean: Tensor
    image_std: Tensor

    def __init__(
        self,
        *,
        clip: nn.Module,
        tokenizer: Tokenizer,
        name: str,
        revision: str,
        digest: str,
        stride: int,
        sizes: InputSizes,
        image_mean: Sequence[float],
        image_std: Sequence[float],
        none_cosine: float | None,
        templates: tuple[str, ...],
    ) -> None:
        super().__init__()
        self.clip = clip.eval().requires_grad_(False)
        # The tower only looks at the CLIP's own parts: registered, every weight would be listed twice.
        object.__setattr__(self, "tower", VisualTower(self.clip.visual, stride=stride))
        self.tokenizer = tokenizer
        self.name = name
        self.revision = revision
        self.digest = digest
        self.sizes = sizes
        self.none_cosine = none_cosine
        self.templates = templates
        self.register_buffer("image_mean", torch.tensor(image_mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("image_std", torch.tensor(image_std).view(1, 3, 1, 1), persistent=False)

    def looking(self, sizes: InputSizes) -> "Backbone":
        """Return the same CLIP, all weights shared, that looks at images in another way."""
        other = copy.copy(self)
        other.sizes = sizes
        return other

    @property
    def embed_dim(self) -> int:
        """Channels of the space that images and texts share."""
        return self.tower.embed_dim

    @property
    def stride(self) -> int:
        """Pixels from patch to patch."""
        return self.tower.stride

    @property
    def size_multiple(self) -> int:
        """Both sides of an image should be multiples of this many pixels."""
        return self.sizes.multiple

    @property
    def preferred_long_side(self) -> int | None:
        """Longer side of a whole image in pixels; None for a model that sees windows."""
        return self.sizes.long_side

    @property
    def logit_scale(self) -> float:
        """The learned factor that turns cosines into logits."""
        return float(self.clip.logit_scale.exp())

    @property
    def is_dense(self) -> bool:
        """Whether its patches were trained to be compared with words, so that no surgery is needed."""
        return self.none_cosine is not None

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.image_mean.device

    @property
    def model_version(self) -> str:
        """`name@revision`."""
        return f"{self.name}@{self.revision}"

    def normalise(self, images: Tensor) -> Tensor:
        """Bring uint8 RGB images (B, 3, H, W) to the model's device and pixel scale, float32."""
        if images.dtype != torch.uint8:
            raise ShapeError(f"images of type {images.dtype}: expected uint8 values 0..255")
        return (images.to(self.device).float() / 255 - self.image_mean) / self.image_std

    def encode_image(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode normalised images (B, 3, H, W) by the whole tower, `ln_post` and `proj` on every token.

        Returns patch features (B, D, h, w) and the class token's feature (B, D), both of unit length.
        """
        tokens, (height, width) = self.tower.embed(images)
        features = F.normalize(self.tower.project(self.tower.run(tokens)).float(), dim=-1)
        patches = features[:, 1:].transpose(1, 2).reshape(len(images), -1, height, width)
        return patches, features[:, 0]

    @torch.inference_mode()
    def encode_text(self, sentences: Sequence[str]) -> Tensor:
        """Encode N sentences into unit vectors (N, D), float32; sentences beyond the context are cut off."""
        encoded = [torch.empty(0, self.embed_dim, device=self.device)]
        for start in range(0, len(sentences), _SENTENCES_AT_ONCE):
            tokens = self.tokenizer(list(sentences[start : start + _SENTENCES_AT_ONCE])).to(self.device)
            encoded.append(F.normalize(encode_tokens(self.clip, tokens).float(), dim=-1))
        return torch.cat(encoded)

    def fills_context(self, sentence: str) -> bool:
        """Whether a sentence takes all places of the text tower, so that its end may be cut off."""
        return bool(self.tokenizer([sentence])[0, -1] != PADDING)
