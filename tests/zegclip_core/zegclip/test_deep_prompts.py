"""Prompts: inserted in front of the first block, replaced in front of every other one."""

import math

import numpy as np
import pytest
import torch

from zegclip_core import DeepPrompts


@pytest.fixture
def prompts() -> DeepPrompts:
    return DeepPrompts(layers=3, tokens=2, width=8, patch_pixels=16, dropout=0.5).eval()


def test_the_first_block_gets_prompts_between_class_token_and_patches(prompts: DeepPrompts) -> None:
    tokens = torch.randn(4, 1 + 5, 8)
    placed = prompts.place(tokens, 0)
    assert placed.shape == (4, 1 + 2 + 5, 8)
    torch.testing.assert_close(placed[:, 0], tokens[:, 0])
    torch.testing.assert_close(placed[:, 3:], tokens[:, 1:])


def test_later_blocks_get_new_prompts_in_the_same_places(prompts: DeepPrompts) -> None:
    tokens = torch.randn(4, 1 + 2 + 5, 8)
    placed = prompts.place(tokens, 2)
    assert placed.shape == tokens.shape
    torch.testing.assert_close(placed[:, 0], tokens[:, 0])
    torch.testing.assert_close(placed[:, 3:], tokens[:, 3:])
    torch.testing.assert_close(placed[:, 1:3], prompts(2, 4))


def test_a_prompt_is_the_layers_embedding_through_the_one_projection(prompts: DeepPrompts) -> None:
    weight, bias = (one.detach().numpy() for one in prompts.projection.parameters())
    embeddings = prompts.embeddings.detach().numpy()
    for layer in range(3):
        expected = embeddings[layer] @ weight.T + bias
        np.testing.assert_allclose(prompts(layer, 1)[0].detach(), expected, atol=1e-6)


def test_dropout_is_drawn_for_each_image(prompts: DeepPrompts) -> None:
    first, second = prompts.train()(0, 2)
    assert not torch.equal(first, second)


def test_initial_values_lie_in_the_papers_range() -> None:
    embeddings = DeepPrompts(layers=12, tokens=10, width=768).embeddings
    bound = math.sqrt(6 / (3 * 16 * 16 + 768))
    assert 0.95 * bound < float(embeddings.abs().max().detach()) <= bound


def test_the_norm_has_the_releases_epsilon_and_can_be_left_out() -> None:
    with_norm = DeepPrompts(layers=1, tokens=1, width=4)
    assert isinstance(with_norm.norm, torch.nn.LayerNorm)
    assert with_norm.norm.eps == 1e-6
    without = DeepPrompts(layers=1, tokens=1, width=4, norm=False)
    tokens = torch.randn(1, 3, 4)
    torch.testing.assert_close(without.norm(tokens), tokens)
