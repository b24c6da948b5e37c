"""The decoder that matches queries with patches: cross-attention only, its scores are the masks.

After the decoder of SegViT (Zhang et al., NeurIPS 2022). Without self-attention no query sees another:
a class's mask does not depend on which other classes are asked for.
"""

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zegclip_core.errors import ModelOptionError, ShapeError
from zegclip_core.zegclip.options import MaskSource

_HIDDEN_RATIO = 4


class CrossAttention(nn.Module):
    """Multi-head attention of queries to patches.

    Args:
        dim: channels D.
        heads: heads, which must divide D.
        dropout: dropout of the attention weights in training.

    """

    def __init__(self, *, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        if dim % heads:
            raise ModelOptionError(
                f"decoder_heads = {heads}: must divide the backbone's {dim} channels; choose 1, 2, 4 or 8"
            )
        self.heads = heads
        self.dropout = dropout
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.projection = nn.Linear(dim, dim)

    def scores(self, queries: Tensor, patches: Tensor) -> Tensor:
        """Match queries (B, C, D) with patches (B, n, D): the heads' mean of q·k/sqrt(d), (B, C, n).

        The sum over heads of their dot products is the dot product of all channels.
        """
        scale = self.heads * (queries.shape[-1] // self.heads) ** 0.5
        scores: Tensor = self.query(queries) @ self.key(patches).transpose(1, 2) / scale
        return scores

    def forward(self, queries: Tensor, patches: Tensor) -> Tensor:
        """Gather patches (B, n, D) for queries (B, C, D): (B, C, D)."""
        gathered = F.scaled_dot_product_attention(
            self._split(self.query(queries)),
            self._split(self.key(patches)),
            self._split(self.value(patches)),
            dropout_p=self.dropout if self.training else 0.0,
        )
        projected: Tensor = self.projection(gathered.transpose(1, 2).flatten(2))
        return projected

    def _split(self, tokens: Tensor) -> Tensor:
        """(B, n, D) to (B, heads, n, D / heads)."""
        return tokens.reshape(*tokens.shape[:2], self.heads, -1).transpose(1, 2)


class DecoderLayer(nn.Module):
    """Cross-attention and a feed-forward network, each added to its input and normalised afterwards.

    Args:
        dim: channels D.
        heads: attention heads.
        dropout: dropout of attention weights, branches and the hidden layer.

    """

    def __init__(self, *, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = CrossAttention(dim=dim, heads=heads, dropout=dropout)
        self.attention_norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, _HIDDEN_RATIO * dim)
        self.contract = nn.Linear(_HIDDEN_RATIO * dim, dim)
        self.feed_forward_norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries: Tensor, patches: Tensor) -> Tensor:
        """Refine queries (B, C, D) by patches (B, n, D): (B, C, D)."""
        queries = self.attention_norm(queries + self.dropout(self.attention(queries, patches)))
        hidden = self.contract(self.dropout(F.relu(self.expand(queries))))
        refined: Tensor = self.feed_forward_norm(queries + self.dropout(hidden))
        return refined


class MatchingDecoder(nn.Module):
    """A stack of layers that start out equal; attention scores are the class logits.

    Only the scores of the last layer are used, so that its value, output and feed-forward weights get no
    gradient; they are kept, as in the release.

    Args:
        dim: channels D.
        layers: cross-attention layers.
        heads: attention heads.
        dropout: dropout inside the layers.
        masks: whose scores are the logits, the last layer's or the mean of all.

    Attributes:
        layers: `nn.ModuleList` of `DecoderLayer`.

    """

    layers: Any

    def __init__(
        self,
        *,
        dim: int,
        layers: int = 3,
        heads: int = 8,
        dropout: float = 0.1,
        masks: MaskSource = "last_layer",
    ) -> None:
        super().__init__()
        first = DecoderLayer(dim=dim, heads=heads, dropout=dropout)
        self.layers = nn.ModuleList(copy.deepcopy(first) for _ in range(layers))
        self.masks: MaskSource = masks

    def forward(self, queries: Tensor, patches: Tensor) -> Tensor:
        """Match queries (B, C, D) with patch features (B, D, h, w): logits (B, C, h, w), before any sigmoid.

        Raises `ShapeError` where batch or channels differ.
        """
        if patches.ndim != 4 or (queries.shape[0], queries.shape[2]) != patches.shape[:2]:
            raise ShapeError(
                f"queries {tuple(queries.shape)} do not fit patch features {tuple(patches.shape)}: "
                "expected (B, C, D) and (B, D, h, w)"
            )
        flat = patches.flatten(2).transpose(1, 2)
        scores = []
        for number, layer in enumerate(self.layers, start=1):
            is_last = number == len(self.layers)
            if is_last or self.masks == "mean_of_layers":
                scores.append(layer.attention.scores(queries, flat))
            if not is_last:
                queries = layer(queries, flat)
        logits = torch.stack(scores).mean(dim=0)
        return logits.reshape(*logits.shape[:2], *patches.shape[2:])
