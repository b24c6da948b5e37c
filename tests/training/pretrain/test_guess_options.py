"""From the command line to a teacher of guesses: none without a classifier, silent about withheld words."""

import argparse
from pathlib import Path

import pytest

from tests.training.pretrain.miniature_classifier import write_classifier
from tests.training.pretrain.miniature_wordnet import write_wordnet
from training.errors import ConfigurationError
from training.pretrain.guess_options import add_guess_options, chosen_guesses, chosen_teacher
from training.pretrain.imagenet import ImageNetClass
from training.pretrain.start_settings import StartSettings
from training.pretrain.withholding import Withheld
from training.pretrain.wordnet import WordNet
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS, load_mini

DOGS = Withheld(frozenset({"dog"}))


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_mini(EMBEDDED_WEIGHTS, name="mini", revision="start")


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A classifier, and a WordNet with two of its classes."""
    folder = write_wordnet(tmp_path / "wordnet")
    wordnet = WordNet(folder)
    classes = tuple(ImageNetClass(name, wordnet.visible(name)[0].offset) for name in ("beagle", "lamp"))
    monkeypatch.setattr("training.pretrain.start.imagenet_classes", lambda: classes)
    weights = write_classifier(tmp_path / "mobilenet.safetensors")
    return ["--classifier", str(weights), "--wordnet", str(folder)]


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_guess_options(parser, required=False, use="")
    return parser.parse_args(arguments)


def test_nobody_teaches_without_a_classifier(backbone: Backbone) -> None:
    assert chosen_teacher(parse([]), backbone, DOGS) is None
    with pytest.raises(ConfigurationError, match="needs --classifier"):
        chosen_teacher(parse(["--withhold-guesses"]), backbone, DOGS)


@pytest.mark.parametrize(("wish", "hidden"), [([], [False, False]), (["--withhold-guesses"], [True, False])])
def test_withheld_words_are_guessed_unless_that_is_withheld_too(
    backbone: Backbone, arguments: list[str], wish: list[str], hidden: list[bool]
) -> None:
    _, words = chosen_guesses(parse([*arguments, *wish]), backbone, DOGS, StartSettings())
    assert words.withheld.tolist() == hidden
    assert words.features.shape == (2, backbone.embed_dim)


def test_what_is_withheld_makes_another_teacher(backbone: Backbone, arguments: list[str]) -> None:
    teachers = [
        chosen_teacher(parse([*arguments, *wish]), backbone, DOGS) for wish in ([], ["--withhold-guesses"])
    ]
    assert [teacher.never_guessed for teacher in teachers if teacher is not None] == [0, 1]
    assert len({teacher.identity for teacher in teachers if teacher is not None}) == 2
