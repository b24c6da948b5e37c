"""What can be said about words without a model."""

import pytest

from zegclip_core.labels import Label
from zegclip_core.word_checks import label_set_warnings, word_warnings


@pytest.mark.parametrize("word", ["cat", "traffic light", "T-shirt", "person in a red shirt", "A4 paper"])
def test_english_nouns_are_fine(word: str) -> None:
    assert word_warnings(word) == []


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("", "it is empty"),
        (" \u200b", "emoji or sign"),
        ("🐈", "emoji"),
        ("!!!", "emoji or sign"),
        ("猫", "cjk letters"),
        ("кошка", "cyrillic letters"),
        ("قطة", "arabic letters"),
        ("cat кошка", "cyrillic"),
        ("Straße", "another language"),
        ("the cat that lies on the red sofa", "whole sentence"),
        ("A", "does not say what"),
        ("class 1", "does not say what"),
        ("Other", "does not say what"),
    ],
)
def test_words_the_model_cannot_read_get_a_warning_with_a_cure(word: str, part: str) -> None:
    [warning] = word_warnings(word)
    assert part in warning


@pytest.mark.parametrize("word", ["\ud83d", "\x00", "x" * 5000, "word " * 1000, "{}", "<|endoftext|>"])
def test_no_text_is_too_strange_to_be_judged(word: str) -> None:
    word_warnings(word)


def test_a_label_set_is_judged_word_by_word_and_by_its_size() -> None:
    assert label_set_warnings([Label("cat", ("cat", "kitten"))]) == []
    [warning] = label_set_warnings([Label("katze", ("cat", "猫"))])
    assert warning.startswith("'katze': it is written in cjk")
    many = [Label(f"cat number {index}", ("cat",)) for index in range(500)]
    [warning] = label_set_warnings(many)
    assert warning.startswith("500 labels")
