"""The tower taken apart computes what open_clip computes, and more: any size, any part."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.tiny_clip import ARCHITECTURE, random_images, tiny_clip
from zegclip_core.errors import ShapeError, UnsupportedArchitectureError
from zegclip_core.guarded_open_clip import open_clip
from zegclip_core.visual_tower import VisualTower, require_plain_vit

VISION = ARCHITECTURE["vision_cfg"]


def tower(**options: Any) -> VisualTower:
    return VisualTower(tiny_clip().visual, stride=16, **options)


def encode(part: VisualTower, images: Tensor) -> Tensor:
    tokens, _ = part.embed(images)
    return part.project(part.run(tokens))


@torch.no_grad()
def test_class_token_is_open_clips_at_the_native_size() -> None:
    clip, images = tiny_clip(), random_images(2, 3, 64, 64)
    ours = encode(VisualTower(clip.visual, stride=16), images)[:, 0]
    torch.testing.assert_close(ours, clip.encode_image(images))


@torch.no_grad()
def test_patches_are_open_clips_at_the_native_size() -> None:
    clip, images = tiny_clip(), random_images(2, 3, 64, 64)
    ours = encode(VisualTower(clip.visual, stride=16), images)[:, 1:]
    clip.visual.output_tokens = True
    _, tokens = clip.visual(images)
    torch.testing.assert_close(ours, tokens @ clip.visual.proj)


@pytest.mark.parametrize("changes", [{"no_ln_pre": True}, {"ls_init_value": 0.5}, {"patch_dropout": 0.5}])
@torch.no_grad()
def test_variants_of_the_architecture_agree_too(changes: dict[str, Any]) -> None:
    clip, images = tiny_clip(vision_cfg=VISION | changes), random_images(1, 3, 64, 64)
    ours = encode(VisualTower(clip.visual, stride=16), images)[:, 0]
    torch.testing.assert_close(ours, clip.encode_image(images))


@torch.no_grad()
def test_quick_gelu_agrees_too() -> None:
    clip, images = tiny_clip(quick_gelu=True), random_images(1, 3, 64, 64)
    ours = encode(VisualTower(clip.visual, stride=16), images)[:, 0]
    torch.testing.assert_close(ours, clip.encode_image(images))


@torch.no_grad()
def test_any_aspect_ratio_gives_one_token_for_each_patch_and_one_for_the_class() -> None:
    tokens, grid = tower().embed(random_images(2, 3, 32, 80))
    assert grid == (2, 5)
    assert tokens.shape == (2, 11, 32)


@torch.no_grad()
def test_blocks_can_be_run_in_pieces() -> None:
    part = tower()
    tokens, _ = part.embed(random_images(1, 3, 64, 64))
    pieces = part.run(part.run(part.run(tokens, 0, 1), 1, 2), 2)
    torch.testing.assert_close(pieces, part.run(tokens))


@torch.no_grad()
def test_patches_can_be_kept_and_embedded_later() -> None:
    part, images = tower(), random_images(1, 3, 48, 32)
    patches = part.patchify(images)
    assert patches.shape == (1, 32, 3, 2)
    torch.testing.assert_close(part.embed_patches(patches)[0], part.embed(images)[0])


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 60, 64), (1, 3, 64, 8), (1, 3, 0, 16)])
def test_images_that_do_not_fit_are_refused_with_their_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=str(shape[-1])):
        tower().embed(torch.zeros(shape))


def test_positions_of_the_native_grid_are_the_table_itself() -> None:
    part = tower()
    assert torch.equal(part.positions((4, 4)), part.visual.positional_embedding)


def test_positions_are_interpolated_between_grid_cells_centres() -> None:
    """Bilinear from 4x4 to 2x2: each new cell lies amidst four old ones."""
    part = tower(position_interpolation="bilinear")
    table = part.visual.positional_embedding[1:].numpy().reshape(4, 4, -1)
    expected = [table[r : r + 2, c : c + 2].mean((0, 1)) for r in (0, 2) for c in (0, 2)]
    np.testing.assert_allclose(part.positions((2, 2))[1:].numpy(), np.stack(expected), rtol=1e-5, atol=1e-6)


def test_the_class_position_is_left_alone() -> None:
    part = tower()
    assert torch.equal(part.positions((3, 7))[0], part.visual.positional_embedding[0])


def test_the_class_embedding_can_be_added_twice_as_released_weights_expect() -> None:
    part = tower(class_embedding_twice=True)
    expected = part.visual.positional_embedding[0] + part.visual.class_embedding
    assert torch.equal(part.positions((4, 4))[0], expected)
    assert torch.equal(part.positions((4, 4))[1:], part.visual.positional_embedding[1:])


def test_positions_can_take_a_step_between() -> None:
    part = tower(position_interpolation="bilinear", position_grid=(8, 8))
    image = part.visual.positional_embedding[1:].reshape(1, 4, 4, -1).permute(0, 3, 1, 2)
    for size in ((8, 8), (3, 5)):
        image = F.interpolate(image, size=size, mode="bilinear", align_corners=False)
    torch.testing.assert_close(part.positions((3, 5))[1:], image.flatten(2)[0].t())


def test_kept_positions_follow_the_weights() -> None:
    part = tower()
    before = part.positions((2, 2)).clone()
    with torch.no_grad():
        part.visual.positional_embedding.add_(1)
    torch.testing.assert_close(part.positions((2, 2)), before + 1)


def test_positions_pass_gradients_on_where_they_are_trained() -> None:
    part = tower()
    part.positions((2, 2))
    part.visual.positional_embedding.requires_grad_(True)
    part.positions((2, 2)).sum().backward()
    assert part.visual.positional_embedding.grad is not None


def test_positions_made_while_predicting_can_be_trained_with() -> None:
    part = tower()
    with torch.inference_mode():
        part.positions((2, 2))
    weight = torch.ones(1, requires_grad=True)
    (part.positions((2, 2)) * weight).sum().backward()
    assert weight.grad is not None


def test_positions_of_many_sizes_do_not_pile_up() -> None:
    part = tower()
    for side in range(1, 200):
        part.positions((1, side))
    assert len(part._positions) <= 64


@pytest.mark.parametrize(
    ("visual", "reason"),
    [
        (lambda: open_clip.CLIP(**ARCHITECTURE | {"vision_cfg": RESNET}).visual, "ModifiedResNet"),
        (lambda: tiny_clip(vision_cfg=VISION | {"attentional_pool": True}).visual, "attention"),
        (lambda: tiny_clip(vision_cfg=VISION | {"pool_type": "avg"}).visual, "'avg'"),
        (lambda: without_projection(), "projection"),
    ],
)
def test_towers_without_comparable_patches_are_refused_with_the_reason(visual: Any, reason: str) -> None:
    with pytest.raises(UnsupportedArchitectureError, match=f"{reason}.*zegclip-mini"):
        require_plain_vit(visual())


RESNET = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}


def without_projection() -> Any:
    visual = tiny_clip().visual
    visual.proj = None
    return visual
