"""Last blocks whose patches attend to patches that look alike: MaskCLIP, SCLIP, ClearCLIP, NACLIP.

All take the tokens (B, 1 + h*w, width) before the last block and return patches (B, h*w, width) for
`ln_post`.
"""

import torch
from torch import Tensor

from zegclip_core.surgery.last_block import LastBlock, agreement

NACLIP_SIGMA = 5.0


def maskclip(block: LastBlock, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Each patch keeps its own value (Zhou et al., ECCV 2022): no attention, no residual, no MLP."""
    return block.out(block.project(tokens[:, 1:]).values)


def sclip(block: LastBlock, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Queries meet queries and keys meet keys (Wang et al., ECCV 2024); residual and MLP stay."""
    parts = block.project(tokens)
    weights = agreement(parts.queries, parts.queries, parts.scale).softmax(-1)
    weights = weights + agreement(parts.keys, parts.keys, parts.scale).softmax(-1)
    return block.finish(tokens, block.gather(weights, parts.values))[:, 1:]


def clearclip(block: LastBlock, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Queries meet queries (Lan et al., ECCV 2024); no residual, no MLP."""
    parts = block.project(tokens)
    weights = agreement(parts.queries, parts.queries, parts.scale).softmax(-1)
    return block.gather(weights, parts.values)[:, 1:]


def naclip(block: LastBlock, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """Keys meet keys, near ones more (Hajimiri et al., WACV 2025); no residual, no MLP."""
    parts = block.project(tokens)
    logits = agreement(parts.keys, parts.keys, parts.scale)
    window = gaussian_window(grid, NACLIP_SIGMA, device=tokens.device)
    weights = (logits + torch.nn.functional.pad(window, (1, 0, 1, 0))).softmax(-1)
    return block.gather(weights, parts.values)[:, 1:]


def gaussian_window(grid: tuple[int, int], sigma: float, *, device: torch.device | str = "cpu") -> Tensor:
    """Return exp(-d^2 / 2 sigma^2) of every two places of a grid (h, w), d in tokens: (h*w, h*w)."""
    rows, columns = torch.meshgrid(*(torch.arange(side, device=device) for side in grid), indexing="ij")
    places = torch.stack((rows.flatten(), columns.flatten()), dim=-1).float()
    squared = (places[:, None] - places[None]).square().sum(-1)
    return torch.exp(-squared / (2 * sigma**2))
