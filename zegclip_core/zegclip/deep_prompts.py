"""Deep visual prompt tuning (Jia et al., ECCV 2022), as ZegCLIP adapts CLIP's image tower."""

import math

import torch
from torch import Tensor, nn


class DeepPrompts(nn.Module):
    """Learned tokens between class token and patches, new ones in front of every block.

    Args:
        layers: transformer blocks of the tower; each has its own tokens.
        tokens: prompt tokens per block (N), at least 1.
        width: channels of a token.
        patch_pixels: pixels of a patch, height times width; only the initial range depends on it.
        dropout: dropout of the projected prompts, independent for each image.
        norm: whether `prompt_norm` follows the last block.
        norm_epsilon: its epsilon.

    Attributes:
        embeddings: (layers, N, width).
        projection: one linear map shared by all layers.
        norm: layer norm over all tokens after the last block, or the identity.

    """

    norm: nn.Module

    def __init__(
        self,
        *,
        layers: int,
        tokens: int,
        width: int,
        patch_pixels: int = 256,
        dropout: float = 0.1,
        norm: bool = True,
        norm_epsilon: float = 1e-6,
    ) -> None:
        super().__init__()
        bound = math.sqrt(6 / (3 * patch_pixels + width))
        self.embeddings = nn.Parameter(torch.empty(layers, tokens, width).uniform_(-bound, bound))
        self.projection = nn.Linear(width, width)
        nn.init.kaiming_normal_(self.projection.weight, a=0, mode="fan_out")
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(width, eps=norm_epsilon) if norm else nn.Identity()

    @property
    def tokens(self) -> int:
        """Prompt tokens per block (N)."""
        return self.embeddings.shape[1]

    def forward(self, layer: int, batch: int) -> Tensor:
        """Return the prompts of a block, counted from 0: (batch, N, width). They have no position."""
        projected: Tensor = self.projection(self.embeddings[layer])
        prompts: Tensor = self.dropout(projected.expand(batch, -1, -1))
        return prompts

    def place(self, tokens: Tensor, layer: int) -> Tensor:
        """Put a block's prompts behind the class token.

        Block 0 gets (B, 1 + n, width), where they are inserted; later blocks get (B, 1 + N + n, width), where
        they replace what the block before made of its own. Returns (B, 1 + N + n, width).
        """
        first_patch = 1 if layer == 0 else 1 + self.tokens
        prompts = self(layer, len(tokens)).to(tokens.dtype)
        return torch.cat((tokens[:, :1], prompts, tokens[:, first_patch:]), dim=1)
