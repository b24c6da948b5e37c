"""Leaving out padding changes nothing."""

import pytest
import torch

from tests.tiny_clip import ARCHITECTURE, tiny_clip
from zegclip_core.guarded_open_clip import open_clip
from zegclip_core.text_tower import encode_tokens

SENTENCES = ["cat", "a photo of a very small cat.", "", "猫 🐈", "word " * 200]


@pytest.mark.parametrize("number", [1, 2, 5])
@torch.no_grad()
def test_features_are_open_clips(number: int) -> None:
    clip = tiny_clip()
    tokens = open_clip.SimpleTokenizer()(SENTENCES[:number])
    torch.testing.assert_close(encode_tokens(clip, tokens), clip.encode_text(tokens))


@torch.no_grad()
def test_no_sentence_gives_no_feature() -> None:
    clip = tiny_clip()
    assert encode_tokens(clip, torch.zeros(0, 77, dtype=torch.long)).shape == (0, 24)


@torch.no_grad()
def test_towers_that_look_ahead_are_run_as_they_are() -> None:
    text = ARCHITECTURE["text_cfg"] | {"no_causal_mask": True}
    clip = tiny_clip(text_cfg=text)
    tokens = open_clip.SimpleTokenizer()(SENTENCES)
    torch.testing.assert_close(encode_tokens(clip, tokens), clip.encode_text(tokens))


@torch.no_grad()
def test_towers_of_another_class_are_run_as_they_are() -> None:
    torch.manual_seed(0)
    clip = open_clip.CustomTextCLIP(**ARCHITECTURE).eval()
    tokens = open_clip.SimpleTokenizer()(SENTENCES)
    torch.testing.assert_close(encode_tokens(clip, tokens), clip.encode_text(tokens))
