"""Small image towers of open_clip's own classes."""

import torch
from torch import nn

from zegclip_core.guarded_open_clip import open_clip
from zegclip_core.zegclip.model import ZegCLIP
from zegclip_core.zegclip.options import ZegCLIPOptions

WIDTH, PATCH, SIDE, LAYERS, DIM = 32, 4, 3, 2, 16


def small_tower(seed: int = 0) -> nn.Module:
    """A ViT of two blocks for images of 12 pixels, four pixels a patch, with random values everywhere."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tower: nn.Module = open_clip.transformer.VisionTransformer(
            image_size=SIDE * PATCH,
            patch_size=PATCH,
            width=WIDTH,
            layers=LAYERS,
            heads=4,
            mlp_ratio=2.0,
            output_dim=DIM,
        )
        for parameter in tower.parameters():
            parameter.data.add_(0.1 * torch.randn_like(parameter))
    return tower


def small_model(options: ZegCLIPOptions | None = None, *, seed: int = 0) -> ZegCLIP:
    """An untrained ZegCLIP on the small tower, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ZegCLIP(
            visual=small_tower(seed),
            stride=PATCH,
            image_mean=(0.5, 0.5, 0.5),
            image_std=(0.25, 0.25, 0.25),
            options=options or ZegCLIPOptions(prompt_tokens=2),
        )
    return model.eval()


def unit_rows(count: int, dim: int = DIM, *, seed: int = 0) -> torch.Tensor:
    """Random unit vectors (count, dim)."""
    generator = torch.Generator().manual_seed(seed)
    return nn.functional.normalize(torch.randn(count, dim, generator=generator), dim=1)


def images(batch: int, rows: int, columns: int, *, seed: int = 0) -> torch.Tensor:
    """Random normalised images of so many patches."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, 3, rows * PATCH, columns * PATCH, generator=generator)
