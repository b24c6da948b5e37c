"""ZegCLIP: one stage from an image and words to masks."""

import copy
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from zegclip_core.backbones.backbone import Backbone
from zegclip_core.errors import ShapeError
from zegclip_core.visual_tower import VisualTower
from zegclip_core.zegclip.deep_prompts import DeepPrompts
from zegclip_core.zegclip.image_encoder import ImageEncoder
from zegclip_core.zegclip.matching_decoder import MatchingDecoder
from zegclip_core.zegclip.options import IMAGENET_MEAN, IMAGENET_STD, ZegCLIPOptions
from zegclip_core.zegclip.relationship_descriptor import RelationshipDescriptor


class ZegCLIP(nn.Module):
    """Zero-shot semantic segmentation on a frozen CLIP (Zhou et al., CVPR 2023).

    Words are rows of text features: any number, other ones at every call, none influences another's logits.
    The image tower stays in evaluation mode, also under `train()`; only what is learned asks for gradients.

    Args:
        visual: open_clip's `VisionTransformer`, which is frozen; with `options.tuned` = "blocks" a copy of it
            is trained instead.
        stride: pixels from patch to patch.
        image_mean: mean of each channel on the scale 0..1 in CLIP's own training.
        image_std: standard deviation of each channel on the scale 0..1 there.
        options: what it is made of; the paper's model when None.

    Raises `UnsupportedArchitectureError` for towers without class token or projection, `ModelOptionError` for
    heads that do not divide its channels.

    """

    image_mean: Tensor
    image_std: Tensor

    def __init__(
        self,
        *,
        visual: nn.Module,
        stride: int,
        image_mean: Sequence[float],
        image_std: Sequence[float],
        options: ZegCLIPOptions | None = None,
    ) -> None:
        super().__init__()
        self.options = options or ZegCLIPOptions()
        if self.options.normalisation == "imagenet":
            image_mean, image_std = IMAGENET_MEAN, IMAGENET_STD
        self.register_buffer("image_mean", torch.tensor(image_mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("image_std", torch.tensor(image_std).view(1, 3, 1, 1), persistent=False)
        tower = self._tower(visual, stride)
        dim = tower.embed_dim
        self.encoder = ImageEncoder(tower=tower, prompts=self._prompts(tower))
        self.descriptor = RelationshipDescriptor(dim=dim, form=self.options.descriptor)
        self.decoder = MatchingDecoder(
            dim=dim,
            layers=self.options.decoder_layers,
            heads=self.options.decoder_heads,
            dropout=self.options.dropout,
            masks=self.options.masks,
        )

    @classmethod
    def on_backbone(cls, backbone: Backbone, options: ZegCLIPOptions | None = None) -> "ZegCLIP":
        """Build an untrained model on a backbone's image tower and device; errors as for the constructor."""
        model = cls(
            visual=backbone.clip.visual,
            stride=backbone.stride,
            image_mean=backbone.image_mean.flatten().tolist(),
            image_std=backbone.image_std.flatten().tolist(),
            options=options,
        )
        return model.to(backbone.device)

    @property
    def tower(self) -> VisualTower:
        """The image tower."""
        return self.encoder.tower

    @property
    def embed_dim(self) -> int:
        """Channels D of the space that images and texts share."""
        return self.tower.embed_dim

    @property
    def stride(self) -> int:
        """Pixels from patch to patch."""
        return self.tower.stride

    def normalise(self, images: Tensor) -> Tensor:
        """Bring uint8 RGB images (B, 3, H, W) to the pixel scale and device of this model, float32."""
        if images.dtype != torch.uint8:
            raise ShapeError(f"images of type {images.dtype}: expected uint8 values 0..255")
        return (images.to(self.image_mean.device).float() / 255 - self.image_mean) / self.image_std

    def encode_image(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode images (B, 3, H, W) as `normalise` returns them, sides multiples of the stride.

        Returns patch features (B, D, H/stride, W/stride) and the global feature (B, D), both of unit length
        along D. Raises `ShapeError` for other images.
        """
        features: tuple[Tensor, Tensor] = self.encoder(images)
        return features

    def encode_stem(self, stem: Tensor) -> tuple[Tensor, Tensor]:
        """Encode patches (B, width, h, w), as `tower.patchify` makes them, as `encode_image` does."""
        return self.encoder.encode_stem(stem)

    def decode(self, patch_features: Tensor, global_feature: Tensor, text_embeddings: Tensor) -> Tensor:
        """Score words (C, D) on encoded images (B, D, h, w) and (B, D): class logits (B, C, h, w).

        The sigmoid of a logit is the probability that the patch shows the class; classes do not exclude each
        other. Text features have unit length. Raises `ShapeError` for features that do not fit.
        """
        queries = self.descriptor(text_embeddings, global_feature)
        logits: Tensor = self.decoder(queries, patch_features)
        return logits

    def forward(self, images: Tensor, text_embeddings: Tensor) -> Tensor:
        """Score words (C, D) on images (B, 3, H, W): class logits (B, C, H/stride, W/stride), as `decode`."""
        return self.decode(*self.encode_image(images), text_embeddings)

    def train(self, mode: bool = True) -> "ZegCLIP":
        """Switch dropout on or off; the image tower stays in evaluation mode."""
        super().train(mode)
        self.tower.eval()
        return self

    def learned_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """All parameters that training changes, with their names; everything else is the backbone's."""
        return ((name, value) for name, value in self.named_parameters() if value.requires_grad)

    def _tower(self, visual: nn.Module, stride: int) -> VisualTower:
        tuned = self.options.tuned == "blocks"
        tower = VisualTower(
            copy.deepcopy(visual) if tuned else visual,
            stride=stride,
            position_interpolation=self.options.position_interpolation,
            class_embedding_twice=self.options.class_embedding_twice,
            position_grid=self.options.position_grid,
        )
        tower.eval().requires_grad_(False)
        if tuned:
            tower.visual.transformer.requires_grad_(True)
        return tower

    def _prompts(self, tower: VisualTower) -> DeepPrompts | None:
        if self.options.prompt_tokens == 0:
            return None
        return DeepPrompts(
            layers=len(tower.blocks),
            tokens=self.options.prompt_tokens,
            width=tower.width,
            patch_pixels=tower.stride**2,
            dropout=self.options.dropout,
            norm=self.options.prompt_norm,
            norm_epsilon=self.options.prompt_norm_epsilon,
        )
