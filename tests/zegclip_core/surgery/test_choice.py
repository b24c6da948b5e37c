"""Every way through the last block equals its paper's formulas, derived once more in numpy."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.tiny_clip import ARCHITECTURE, random_images, tiny_clip
from tests.zegclip_core.surgery.reference import (
    Array,
    ReferenceBlock,
    array,
    finish_tower,
    sc_clip,
    softmax,
)
from zegclip_core.errors import UnsupportedArchitectureError
from zegclip_core.surgery.choice import SURGERIES, Surgery, encode_with_surgery
from zegclip_core.surgery.last_block import LastBlock
from zegclip_core.visual_tower import VisualTower

GRID = (5, 8)


def deep_tower(layers: int = 12) -> VisualTower:
    vision = ARCHITECTURE["vision_cfg"] | {"layers": layers}
    return VisualTower(tiny_clip(vision_cfg=vision).visual, stride=16)


def states(tower: VisualTower, images: Tensor) -> list[Array]:
    """The embedded tokens and the outputs of all blocks but the last, of one image."""
    tokens, _ = tower.embed(images)
    outputs = [tokens]
    for index in range(len(tower.blocks) - 1):
        outputs.append(tower.run(outputs[-1], index, index + 1))
    return [array(output[0]) for output in outputs]


def maskclip(tower: VisualTower, outputs: list[Array]) -> Array:
    block = ReferenceBlock(tower)
    return block.attend(outputs[-1][1:], lambda q, k, scale: np.eye(len(q)))


def sclip(tower: VisualTower, outputs: list[Array]) -> Array:
    block, tokens = ReferenceBlock(tower), outputs[-1]
    attended = block.attend(tokens, lambda q, k, scale: softmax(q @ q.T * scale) + softmax(k @ k.T * scale))
    return block.finish(tokens, attended)[1:]


def clearclip(tower: VisualTower, outputs: list[Array]) -> Array:
    return ReferenceBlock(tower).attend(outputs[-1], lambda q, k, scale: softmax(q @ q.T * scale))[1:]


def naclip(tower: VisualTower, outputs: list[Array]) -> Array:
    window = np.zeros((1 + GRID[0] * GRID[1],) * 2)
    for a in range(GRID[0] * GRID[1]):
        for b in range(GRID[0] * GRID[1]):
            (r, c), (s, d) = divmod(a, GRID[1]), divmod(b, GRID[1])
            window[1 + a, 1 + b] = np.exp(-((r - s) ** 2 + (c - d) ** 2) / (2 * 5.0**2))
    block = ReferenceBlock(tower)
    return block.attend(outputs[-1], lambda q, k, scale: softmax(k @ k.T * scale + window))[1:]


def unchanged(tower: VisualTower, outputs: list[Array]) -> Array:
    return ReferenceBlock(tower)(outputs[-1])[1:]


def calibrated(tower: VisualTower, outputs: list[Array]) -> Array:
    return sc_clip(tower, outputs[1:], GRID)


REFERENCES: dict[Surgery, Callable[[VisualTower, list[Array]], Array]] = {
    "none": unchanged,
    "maskclip": maskclip,
    "sclip": sclip,
    "clearclip": clearclip,
    "naclip": naclip,
    "sc-clip": calibrated,
}


def test_every_surgery_has_a_reference_here() -> None:
    assert set(REFERENCES) == set(SURGERIES)


@pytest.mark.parametrize("surgery", SURGERIES)
@torch.no_grad()
def test_patches_are_those_of_the_formulas(surgery: Surgery) -> None:
    tower, images = deep_tower(), random_images(1, 3, 16 * GRID[0], 16 * GRID[1])
    patches, class_feature = encode_with_surgery(tower, images, surgery)
    outputs = states(tower, images)
    expected = finish_tower(tower, REFERENCES[surgery](tower, outputs))
    assert patches.shape == (1, 24, *GRID)
    np.testing.assert_allclose(array(patches[0].flatten(1)).T, expected, rtol=1e-3, atol=1e-4)
    expected_class = finish_tower(tower, ReferenceBlock(tower)(outputs[-1])[:1])
    np.testing.assert_allclose(array(class_feature), expected_class, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("surgery", SURGERIES)
@torch.no_grad()
def test_images_of_a_batch_do_not_meet(surgery: Surgery) -> None:
    tower, images = deep_tower(), random_images(3, 3, 48, 80)
    together, _ = encode_with_surgery(tower, images, surgery)
    alone, _ = encode_with_surgery(tower, images[1:2], surgery)
    torch.testing.assert_close(together[1:2], alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("surgery", SURGERIES)
@pytest.mark.parametrize("size", [(16, 16), (16, 160), (32, 16)])
@torch.no_grad()
def test_the_smallest_grids_give_finite_features(surgery: Surgery, size: tuple[int, int]) -> None:
    patches, _ = encode_with_surgery(deep_tower(), random_images(1, 3, *size), surgery)
    assert patches.isfinite().all()


@torch.no_grad()
def test_an_image_of_one_colour_gives_finite_features() -> None:
    """All distances are zero then, and all cosines one."""
    patches, _ = encode_with_surgery(deep_tower(), torch.zeros(1, 3, 96, 96), "sc-clip")
    assert patches.isfinite().all()


@pytest.mark.parametrize("layers", [2, 3, 24])
@torch.no_grad()
def test_towers_of_another_depth_use_the_blocks_at_the_same_share_of_it(layers: int) -> None:
    patches, _ = encode_with_surgery(deep_tower(layers), random_images(1, 3, 64, 64), "sc-clip")
    assert patches.isfinite().all()


def test_blocks_that_cannot_be_taken_apart_are_refused() -> None:
    tower = deep_tower(2)
    tower.blocks[-1].attn = nn.Identity()
    with pytest.raises(UnsupportedArchitectureError, match=r"Identity.*surgery 'none'"):
        LastBlock(tower)
