"""How the embedded model understands words; other models are judged by the same relative limits."""

import math

import pytest
import torch

from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import parse_notation
from zegclip_core.errors import LabelError
from zegclip_core.labels import Label, parse_words
from zegclip_core.text_bank import TextBank
from zegclip_core.words import common_words, understand_words


@pytest.fixture(scope="module")
def bank() -> TextBank:
    return TextBank(backbone=load_backbone(parse_notation("zegclip-mini")))


def test_common_words_are_different_words() -> None:
    assert len(common_words()) > 300
    assert len(set(common_words())) == len(common_words())


def test_a_label_comes_with_the_words_it_is_most_alike_to(bank: TextBank) -> None:
    report = understand_words(bank, parse_words("automobile, kitty"))
    car, cat = report.labels
    assert car.nearest[0].word == "car"
    assert cat.nearest[0].word == "cat"
    assert len(car.nearest) == 3
    assert car.nearest[0].likeness >= car.nearest[1].likeness >= car.nearest[2].likeness
    assert not car.is_far


def test_a_known_word_is_its_own_nearest(bank: TextBank) -> None:
    [sofa] = understand_words(bank, parse_words("sofa")).labels
    assert sofa.nearest[0].word == "sofa"
    assert sofa.nearest[0].likeness == pytest.approx(1, abs=1e-4)


def test_pairs_that_mean_the_same_are_confusable_and_others_are_not(bank: TextBank) -> None:
    report = understand_words(bank, parse_words("sofa, cat, couch, train"))
    assert [(pair.first, pair.second) for pair in report.confusable] == [("sofa", "couch")]
    assert any("'sofa' and 'couch'" in warning for warning in report.warnings)


def test_synonyms_of_one_label_are_not_confused_with_it_but_with_others(bank: TextBank) -> None:
    assert not understand_words(bank, parse_words("sofa|couch, train")).confusable
    report = understand_words(bank, parse_words("seat|sofa, train, couch"))
    assert [(pair.first, pair.second) for pair in report.confusable] == [("seat", "couch")]


@pytest.mark.parametrize("word", ["adenocarcinoma", "猫", "Delaminierung", "class 1"])
def test_a_word_unlike_everything_is_far_and_gets_advice(bank: TextBank, word: str) -> None:
    report = understand_words(bank, [Label("own", (word,)), Label("cat", ("cat",))])
    assert [label.is_far for label in report.labels] == [True, False]
    assert any(warning.startswith("'own' is far") for warning in report.warnings)


@pytest.mark.parametrize(
    "word",
    ["🐈", "\u200b", "\ud83d", "a sentence that goes on and on about a cat and a sofa", "x" * 3000],
)
def test_any_text_is_answered_without_nan(bank: TextBank, word: str) -> None:
    [label] = understand_words(bank, [Label("own", (word,))]).labels
    assert all(math.isfinite(known.likeness) for known in label.nearest)


def test_two_labels_that_are_the_same_to_the_model_do_not_hide_others(bank: TextBank) -> None:
    labels = [Label(f"cat {number}", ("cat",)) for number in range(4)]
    assert len(understand_words(bank, labels).confusable) == 6


def test_no_label_is_refused(bank: TextBank) -> None:
    with pytest.raises(LabelError, match="at least one word"):
        understand_words(bank, [])


def test_it_leaves_the_features_of_the_labels_alone(bank: TextBank) -> None:
    labels = parse_words("cat, dog")
    before = bank.embed(labels)[0].clone()
    understand_words(bank, labels)
    assert torch.equal(bank.embed(labels)[0], before)


def test_measured_mistakes_between_the_labels_are_told(bank: TextBank) -> None:
    report = understand_words(bank, parse_words("apple, Orange, cat"))
    [told] = report.mistakes
    assert (told.label, told.taken_for) == ("apple", "Orange")
    assert "% of the pixels of 'apple' are painted 'orange' (COCO val" in told.sentence()


def test_a_word_nearly_the_same_stands_for_a_measured_one(bank: TextBank) -> None:
    report = understand_words(bank, parse_words("necktie, child"))
    assert any("'child' is nearly 'person' to the model" in told.sentence() for told in report.mistakes)


def test_another_word_does_not_stand_for_a_measured_one(bank: TextBank) -> None:
    assert understand_words(bank, parse_words("apple, lemon")).mistakes == ()


def test_what_was_measured_says_nothing_about_another_version(
    bank: TextBank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bank.backbone, "revision", "of tomorrow")
    assert understand_words(bank, parse_words("apple, orange")).mistakes == ()


def test_five_hundred_labels_are_compared(bank: TextBank) -> None:
    labels = [Label(f"{word} {number}", (word,)) for number in range(5) for word in common_words()[:100]]
    report = understand_words(bank, labels)
    assert len(report.labels) == 500
    assert all(math.isfinite(pair.likeness) for pair in report.confusable)
    assert any(warning.startswith("500 labels compete") for warning in report.warnings)
