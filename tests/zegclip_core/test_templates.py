"""Sentences around words."""

import json

import pytest

from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS
from zegclip_core.templates import (
    IMAGENET_TEMPLATES,
    MINI_TEMPLATES,
    SINGLE_TEMPLATE,
    ZEGCLIP_TEMPLATES,
    fill,
)


@pytest.mark.parametrize(
    ("templates", "number"),
    [(SINGLE_TEMPLATE, 1), (MINI_TEMPLATES, 5), (ZEGCLIP_TEMPLATES, 15), (IMAGENET_TEMPLATES, 80)],
)
def test_every_sentence_is_different_and_has_one_place(templates: tuple[str, ...], number: int) -> None:
    assert len(set(templates)) == number
    assert all(template.count("{}") == 1 for template in templates)


def test_the_embedded_model_uses_the_sentences_of_its_card() -> None:
    card = json.loads(EMBEDDED_WEIGHTS.with_suffix(".json").read_text())
    prompts = [prompt.replace("{a}", "a {}") for prompt in card["text_encoder"]["prompts"]]
    assert list(MINI_TEMPLATES) == prompts


@pytest.mark.parametrize("word", ["cat", "{}", "{0}", "%s", "\\1"])
def test_words_are_put_in_as_they_are(word: str) -> None:
    assert fill("a photo of a {}.", word) == f"a photo of a {word}."
