"""What the user wants painted."""

import pytest

from zegclip_core.errors import LabelError
from zegclip_core.labels import Label, parse_words, plain_word, require_distinct_names, split_synonyms


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cat", ("cat",)),
        ("cat|kitten", ("cat", "kitten")),
        (" cat  flap | cat flap ||", ("cat flap",)),
        ("猫|🐈", ("猫", "🐈")),
        (" | ", ()),
        ("", ()),
    ],
)
def test_synonyms(text: str, words: tuple[str, ...]) -> None:
    assert split_synonyms(text) == words


def test_a_label_set_in_one_line() -> None:
    assert parse_words("cat|kitten, sofa,, traffic  light ,") == [
        Label("cat", ("cat", "kitten")),
        Label("sofa", ("sofa",)),
        Label("traffic light", ("traffic light",)),
    ]


@pytest.mark.parametrize("text", ["", " , ,", "|"])
def test_a_label_set_without_words_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(LabelError, match="'cat, sofa'"):
        parse_words(text)


def test_a_name_given_twice_is_named() -> None:
    with pytest.raises(LabelError, match="'cat' is given twice"):
        parse_words("cat, dog, cat|kitten")
    with pytest.raises(LabelError, match="'cat'"):
        require_distinct_names([Label("cat", ("a",)), Label("cat", ("b",))])


@pytest.mark.parametrize("prompts", [(), ("",), ("cat", " ")])
def test_a_label_without_words_is_refused(prompts: tuple[str, ...]) -> None:
    with pytest.raises(LabelError, match="label 'empty' has no words"):
        Label("empty", prompts)


def test_words_are_compared_without_case_underscores_and_blanks() -> None:
    assert plain_word(" Traffic_Light ") == plain_word("traffic  light") == "traffic light"
