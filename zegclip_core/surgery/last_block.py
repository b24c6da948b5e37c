"""The last block of a ViT in its pieces: projections, attention by any weights, the rest of the block."""

import math
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from zegclip_core.errors import UnsupportedArchitectureError
from zegclip_core.visual_tower import VisualTower


@dataclass(frozen=True, slots=True)
class Projections:
    """Queries, keys and values of every head, each (B, heads, n, width / heads)."""

    queries: Tensor
    keys: Tensor
    values: Tensor

    @property
    def scale(self) -> float:
        """1 / sqrt(channels of a head), the factor of the dot products."""
        return 1 / math.sqrt(self.queries.shape[-1])


def agreement(vectors: Tensor, other: Tensor, scale: float) -> Tensor:
    """Return scaled dot products (B, heads, n, n) of (B, heads, n, d) vectors."""
    return vectors @ other.transpose(-2, -1) * scale


class LastBlock:
    """A view of a tower's last block, whose weights it uses and does not copy.

    Raises `UnsupportedArchitectureError` when the block is not the usual one of CLIP.
    """

    def __init__(self, tower: VisualTower) -> None:
        self._block: Any = tower.blocks[-1]
        attention = getattr(self._block, "attn", None)
        if not isinstance(attention, nn.MultiheadAttention) or attention.in_proj_weight is None:
            raise UnsupportedArchitectureError(
                f"last-block surgery needs CLIP's attention, this model has {type(attention).__name__}: "
                "choose surgery 'none' or another model"
            )
        self._attention = attention

    def project(self, tokens: Tensor) -> Projections:
        """Normalise tokens (B, n, width) by `ln_1` and project them."""
        attention = self._attention
        projected = F.linear(self._block.ln_1(tokens), attention.in_proj_weight, attention.in_proj_bias)
        heads = projected.reshape(*tokens.shape[:2], 3, attention.num_heads, -1).permute(2, 0, 3, 1, 4)
        return Projections(heads[0], heads[1], heads[2])

    def gather(self, weights: Tensor, values: Tensor) -> Tensor:
        """Average values (B, heads, n, d) by weights (B, heads or 1, n, n); returns (B, n, width)."""
        return self.out(weights @ values)

    def out(self, values: Tensor) -> Tensor:
        """Join the heads of values (B, heads, n, d) by the output projection; returns (B, n, width)."""
        joined: Tensor = self._attention.out_proj(values.transpose(1, 2).flatten(2))
        scaled: Tensor = self._block.ls_1(joined)
        return scaled

    def finish(self, tokens: Tensor, attended: Tensor) -> Tensor:
        """Add what was attended to, (B, n, width), to the tokens and run the block's MLP."""
        tokens = tokens + attended
        finished: Tensor = tokens + self._block.ls_2(self._block.mlp(self._block.ln_2(tokens)))
        return finished

    def class_token(self, tokens: Tensor) -> Tensor:
        """Run the unchanged block for the class token alone, at a fraction of its cost: (B, 1, width)."""
        normed = self._block.ln_1(tokens)
        attended = self._attention(normed[:, :1], normed, normed, need_weights=False)[0]
        return self.finish(tokens[:, :1], self._block.ls_1(attended))
