"""A CLIP small enough for tests: open_clip's own classes, random weights, native size 64x64 at stride 16."""

from pathlib import Path
from typing import Any

import torch

from zegclip_core.backbones.backbone import Backbone, InputSizes
from zegclip_core.guarded_open_clip import open_clip
from zegclip_core.templates import SINGLE_TEMPLATE

NAME = "ViT-tiny-16-of-tests"
ARCHITECTURE: dict[str, Any] = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 64, "patch_size": 16, "width": 32, "layers": 3, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}


def tiny_clip(*, seed: int = 0, **changes: Any) -> Any:
    """Return an untrained open_clip CLIP whose random positions and scales make every part matter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        clip = open_clip.CLIP(**ARCHITECTURE | changes)
        with torch.no_grad():
            for parameter in clip.parameters():
                if parameter.ndim:
                    parameter.copy_(torch.randn_like(parameter) * 0.3)
    return clip.eval().requires_grad_(False)


def tiny_backbone(
    *, none_cosine: float | None = None, seed: int = 0, context_side: int | None = None, **changes: Any
) -> Backbone:
    return Backbone(
        clip=tiny_clip(seed=seed, **changes),
        tokenizer=open_clip.SimpleTokenizer(),
        name="tiny",
        revision="1",
        digest="0" * 64,
        stride=16,
        sizes=InputSizes(multiple=16, long_side=64, context_side=context_side),
        image_mean=(0.5, 0.4, 0.3),
        image_std=(0.2, 0.25, 0.5),
        none_cosine=none_cosine,
        templates=SINGLE_TEMPLATE,
    )


def random_images(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def save_state(path: Path, clip: Any) -> Path:
    """Write a model's weights as safetensors."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in clip.state_dict().items()}, path)
    return path
