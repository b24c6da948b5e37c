"""A tower's parts as graphs compute what the tower computes."""

import pytest
import torch
from torch import nn

from tests.tiny_clip import ARCHITECTURE, random_images, tiny_clip
from zegclip_core.engines.export import BlockGraph, part_inputs, tower_graphs
from zegclip_core.errors import UnsupportedArchitectureError
from zegclip_core.visual_tower import VisualTower


def tower(**changes: object) -> VisualTower:
    clip = tiny_clip(vision_cfg=ARCHITECTURE["vision_cfg"] | changes)
    return VisualTower(clip.visual, stride=16)


@pytest.mark.parametrize("changes", [{}, {"ls_init_value": 0.5}])
@torch.no_grad()
def test_graphs_in_a_row_are_the_tower(changes: dict[str, object]) -> None:
    part = tower(**changes)
    images = random_images(1, 3, 48, 80)
    stem, *blocks = tower_graphs(part)
    torch.testing.assert_close(stem(images), part.patchify(images))
    tokens, _ = part.embed(images)
    expected = part.run(tokens)
    for block in blocks:
        tokens = block(tokens)
    torch.testing.assert_close(tokens, expected)


def test_each_part_gets_what_it_receives_in_the_tower() -> None:
    part = tower()
    images = [random_images(1, 3, 48, 80), random_images(1, 3, 32, 32)]
    inputs = part_inputs(part, images)
    assert len(inputs) == 1 + len(part.blocks)
    assert [tuple(one.shape) for one in inputs[0]] == [(1, 3, 48, 80), (1, 3, 32, 32)]
    assert [tuple(one.shape) for one in inputs[3]] == [(1, 16, 32), (1, 5, 32)]
    with torch.no_grad():
        tokens, _ = part.embed(images[1])
        torch.testing.assert_close(inputs[3][1], part.run(tokens, 0, 2))


def test_blocks_with_another_attention_are_refused() -> None:
    block = tower().blocks[0]
    block.attn = nn.Identity()
    with pytest.raises(UnsupportedArchitectureError, match="set the engine to torch"):
        BlockGraph(block)
