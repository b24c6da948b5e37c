"""CLIP's image tower with deep prompts: patch features and global feature in the space of the words."""

import torch.nn.functional as F
from torch import Tensor, nn

from zegclip_core.errors import ShapeError
from zegclip_core.visual_tower import VisualTower
from zegclip_core.zegclip.deep_prompts import DeepPrompts


class ImageEncoder(nn.Module):
    """An open_clip ViT of any size, with prompts in front of every block.

    Every token passes `ln_post` and the projection into the text space, patches as well as the class token.

    Args:
        tower: the image tower.
        prompts: its prompts; None leaves the tower as it is.

    """

    def __init__(self, *, tower: VisualTower, prompts: DeepPrompts | None) -> None:
        super().__init__()
        self.tower = tower
        self.prompts = prompts

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode normalised images (B, 3, H, W), sides multiples of the stride, of any aspect ratio.

        Returns patch features (B, D, H/stride, W/stride) and the global feature (B, D), unit length along D.
        Raises `ShapeError` for other images.
        """
        return self.encode_stem(self.tower.patchify(images))

    def encode_stem(self, stem: Tensor) -> tuple[Tensor, Tensor]:
        """Encode patches (B, width, h, w), as `VisualTower.patchify` makes them, as `forward` does."""
        if stem.ndim != 4 or stem.shape[1] != self.tower.width:
            raise ShapeError(
                f"patches of shape {tuple(stem.shape)}: expected (batch, {self.tower.width}, height, width)"
            )
        tokens, (height, width) = self.tower.embed_patches(stem)
        tokens = self._run(tokens)
        features = F.normalize(self.tower.project(tokens).float(), dim=-1)
        patches = features[:, -height * width :].transpose(1, 2).reshape(len(stem), -1, height, width)
        return patches, features[:, 0]

    def _run(self, tokens: Tensor) -> Tensor:
        if self.prompts is None:
            return self.tower.run(tokens)
        for layer in range(len(self.tower.blocks)):
            tokens = self.tower.run(self.prompts.place(tokens, layer), layer, layer + 1)
        normed: Tensor = self.prompts.norm(tokens)
        return normed
