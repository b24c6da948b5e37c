"""Painting with words that the model cannot read: defined behaviour, no crash, no NaN."""

import numpy as np
import pytest

from zegclip_core.errors import LabelError
from zegclip_core.labels import Label
from zegclip_core.segmenter import Segmenter

PICTURE = np.random.default_rng(0).integers(0, 255, (96, 128, 3)).astype(np.uint8)
LABEL_SETS = {
    "other scripts": ["猫", "кошка", "قطة", "Straße", "แมว"],
    "emoji and signs": ["🐈", "👩‍👩‍👧", "!!!", "\u200b\u2060", "\ud83d"],
    "whole sentences": ["the cat that lies on the red sofa and looks at me " * 20, "Is there a dog?"],
    "words for tokenizers": ["<|endoftext|>", "{}", "\x00", "x" * 5000],
    "500 labels": [f"cat number {number}" for number in range(500)],
    "one letter": ["a"],
}


@pytest.mark.parametrize("words", LABEL_SETS.values(), ids=LABEL_SETS.keys())
def test_every_pixel_gets_a_label_or_none_and_a_finite_confidence(
    segmenter: Segmenter, words: list[str]
) -> None:
    labels = [Label(f"{number}: {word}", (word,)) for number, word in enumerate(words)]
    painted = segmenter.segment(PICTURE, labels)
    assert painted.label_map.shape == PICTURE.shape[:2]
    assert painted.label_map.max() <= len(labels)
    assert np.isfinite(painted.confidence).all()
    assert all(np.isfinite(score) for score in painted.region_scores.values())
    assert np.isfinite(painted.certainty)


@pytest.mark.parametrize("word", ["", "  ", "\n\t"])
def test_an_empty_label_is_refused_by_name(word: str) -> None:
    with pytest.raises(LabelError, match="'nameless'"):
        Label("nameless", (word,))
