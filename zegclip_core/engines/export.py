"""A tower's parts as small graphs with dynamic sizes: the patch convolution, and each transformer block."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zegclip_core.errors import UnsupportedArchitectureError
from zegclip_core.visual_tower import VisualTower


class PatchGraph(nn.Module):
    """Images (B, 3, H, W) to patches (B, width, H/stride, W/stride)."""

    def __init__(self, tower: VisualTower) -> None:
        super().__init__()
        self.conv1 = tower.visual.conv1

    def forward(self, images: Tensor) -> Tensor:
        """Run the patch convolution, or the stem that stands in its place."""
        patches: Tensor = self.conv1(images)
        return patches


class BlockGraph(nn.Module):
    """A block of open_clip's ViT written out: tokens (B, n, width) to the same shape.

    Raises `UnsupportedArchitectureError` for blocks with another attention.
    """

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block: Any = block
        attention = getattr(block, "attn", None)
        if not isinstance(attention, nn.MultiheadAttention) or attention.in_proj_weight is None:
            raise UnsupportedArchitectureError(
                f"no engine but torch runs blocks with {type(attention).__name__}: set the engine to torch"
            )
        self.heads = attention.num_heads

    def forward(self, tokens: Tensor) -> Tensor:
        """Attention and MLP, each behind its normalisation and beside its shortcut."""
        block = self.block
        tokens = tokens + block.ls_1(self._attend(block.ln_1(tokens)))
        finished: Tensor = tokens + block.ls_2(block.mlp(block.ln_2(tokens)))
        return finished

    def _attend(self, tokens: Tensor) -> Tensor:
        attention = self.block.attn
        batch, count, width = tokens.shape
        projected = F.linear(tokens, attention.in_proj_weight, attention.in_proj_bias)
        parts = projected.reshape(batch, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(parts[0], parts[1], parts[2])
        joined: Tensor = attention.out_proj(attended.transpose(1, 2).reshape(batch, count, width))
        return joined


def tower_graphs(tower: VisualTower) -> list[nn.Module]:
    """Return the patch convolution and all blocks in order; errors as for `BlockGraph`."""
    return [PatchGraph(tower), *(BlockGraph(block) for block in tower.blocks)]


@torch.inference_mode()
def part_inputs(tower: VisualTower, images: list[Tensor]) -> list[list[Tensor]]:
    """Return what each part of `tower_graphs` receives for normalised images (1, 3, H, W)."""
    inputs: list[list[Tensor]] = [list(images), *([] for _ in tower.blocks)]
    for image in images:
        tokens, _ = tower.embed(image)
        for index in range(len(tower.blocks)):
            inputs[1 + index].append(tokens)
            tokens = tower.run(tokens, index, index + 1)
    return inputs
