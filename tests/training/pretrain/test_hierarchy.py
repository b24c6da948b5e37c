"""WordNet's files read as they are; lemmas that name, or are a kind of, a trained word."""

from pathlib import Path

import pytest

from tests.training.pretrain.miniature_wordnet import write_wordnet
from training.errors import ConfigurationError
from training.pretrain.hierarchy import Meaning, related_lemmas
from training.pretrain.wordnet import WordNet


@pytest.fixture
def wordnet(tmp_path: Path) -> WordNet:
    return WordNet(write_wordnet(tmp_path / "wordnet"))


def test_meanings_come_with_their_uses_and_invisible_ones_are_left_out(wordnet: WordNet) -> None:
    animal, person = wordnet.visible("dog")
    assert (animal.count, person.count) == (40, 2)
    assert wordnet.synsets[animal.offset].words == ("dog", "domestic dog")
    assert wordnet.synsets[animal.offset].gloss == "a thing"
    assert wordnet.visible("kitty") == ()
    assert wordnet.visible("laika") == ()


def test_the_way_up_names_every_level_once(wordnet: WordNet) -> None:
    beagle = wordnet.visible("beagle")[0].offset
    rows = [[wordnet.synsets[one].words[0] for one in row] for row in wordnet.ancestry(beagle, 9)]
    assert rows == [["beagle"], ["hound"], ["dog"], ["animal"]]


def test_a_folder_without_wordnet_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="install Debian's wordnet-base"):
        WordNet(tmp_path)


def test_other_names_and_kinds_find_their_trained_word(wordnet: WordNet) -> None:
    related = related_lemmas(wordnet, ["dog"], levels=2)
    assert related["domestic dog"] == (Meaning(1.0, ("dog",), 0),)
    assert related["beagle"] == (Meaning(1.0, ("dog",), 2),)
    assert not {"dog", "animal", "laika", "lamp", "chap"} & set(related)
    assert "beagle" not in related_lemmas(wordnet, ["dog"], levels=1)


def test_young_animals_belong_to_what_their_definition_names(wordnet: WordNet) -> None:
    assert related_lemmas(wordnet, ["dog"], levels=0)["puppy"] == (Meaning(1.0, ("dog",), 1),)


def test_a_word_of_several_meanings_shares_itself_among_them(wordnet: WordNet) -> None:
    related = related_lemmas(wordnet, ["sofa", "couch", "bench"], levels=2)
    assert related["settee"] == (
        Meaning(0.25, ("bench",), 1),
        Meaning(0.75, ("sofa", "couch"), 1),
    )


def test_meanings_of_another_kind_than_the_first_do_not_count(wordnet: WordNet) -> None:
    related = related_lemmas(wordnet, ["person"], levels=2)
    assert set(related) == {"chap"}
