"""The typed choice between the ways through the last block."""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor

from zegclip_core.surgery import self_attention
from zegclip_core.surgery.last_block import LastBlock
from zegclip_core.surgery.sc_clip import sc_clip
from zegclip_core.visual_tower import VisualTower

Surgery = Literal["none", "maskclip", "sclip", "clearclip", "naclip", "sc-clip"]
SURGERIES: tuple[Surgery, ...] = get_args(Surgery)

_SELF_ATTENTION: dict[Surgery, Callable[[LastBlock, Tensor, tuple[int, int]], Tensor]] = {
    "maskclip": self_attention.maskclip,
    "sclip": self_attention.sclip,
    "clearclip": self_attention.clearclip,
    "naclip": self_attention.naclip,
}


def encode_with_surgery(tower: VisualTower, images: Tensor, surgery: Surgery) -> tuple[Tensor, Tensor]:
    """Encode normalised images (B, 3, H, W) into patches (B, D, h, w) and class features (B, D), any length.

    The class feature is always that of the unchanged tower. The changed block runs in float32 under autocast
    too: its thresholds lie within bfloat16's rounding. Raises `UnsupportedArchitectureError` when the last
    block cannot be taken apart.
    """
    tokens, grid = tower.embed(images)
    if surgery == "none":
        tokens = tower.run(tokens)
        patches, class_token = tokens[:, 1:], tokens[:, :1]
    else:
        outputs = [tokens]
        for index in range(len(tower.blocks) - 1):
            outputs.append(tower.run(outputs[-1], index, index + 1))
        with torch.autocast(images.device.type, enabled=False):
            class_token, patches = _last_block(tower, [output.float() for output in outputs], grid, surgery)
    projected = tower.project(torch.cat((class_token, patches), dim=1))
    return projected[:, 1:].transpose(1, 2).reshape(len(images), -1, *grid), projected[:, 0]


def _last_block(
    tower: VisualTower, states: list[Tensor], grid: tuple[int, int], surgery: Surgery
) -> tuple[Tensor, Tensor]:
    """From the embedded tokens and the outputs of all blocks but the last to class token and patches."""
    block = LastBlock(tower)
    if surgery == "sc-clip":
        return block.class_token(states[-1]), sc_clip(block, states[1:], grid)
    return block.class_token(states[-1]), _SELF_ATTENTION[surgery](block, states[-1], grid)
