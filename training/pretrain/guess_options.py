"""How the commands of several stages name the classifier, and what it may guess."""

import argparse
from pathlib import Path

from training.errors import ConfigurationError
from training.pretrain.classifier import Classifier
from training.pretrain.guess_teacher import GuessTeacher
from training.pretrain.start import class_words
from training.pretrain.start_settings import StartSettings
from training.pretrain.start_sums import ClassWords
from training.pretrain.withholding import Withheld
from training.pretrain.wordnet import DEBIAN_FOLDER, WordNet
from zegclip_core.backbones.backbone import Backbone


def add_guess_options(parser: argparse.ArgumentParser, *, required: bool, use: str) -> None:
    """Describe the classifier and what it may guess.

    Args:
        parser: of the stage.
        required: whether the stage needs a classifier.
        use: what the stage does with it.

    """
    parser.add_argument(
        "--classifier",
        type=Path,
        required=required,
        help=f"MobileNetV2 for ImageNet (.safetensors), Apache-2.0{use}",
    )
    parser.add_argument("--wordnet", type=Path, default=DEBIAN_FOLDER, help="folder of data.noun")
    parser.add_argument(
        "--withhold-guesses",
        action="store_true",
        help="withheld words and kinds of them are not guessed either; else ImageNet's names may teach them",
    )


def chosen_guesses(
    options: argparse.Namespace, backbone: Backbone, withheld: Withheld, settings: StartSettings
) -> tuple[Classifier, ClassWords]:
    """Load the classifier that the command line names, and what its classes mean to the backbone."""
    hidden = withheld.words if options.withhold_guesses else ()
    words = class_words(backbone, WordNet(options.wordnet), settings, withheld=hidden)
    return Classifier(options.classifier), words


def chosen_teacher(
    options: argparse.Namespace, backbone: Backbone, withheld: Withheld
) -> GuessTeacher | None:
    """Return the teacher that the command line asks for; None where it names no classifier.

    Raises `ConfigurationError` where guesses shall be withheld and nobody guesses.
    """
    if options.classifier is None:
        if options.withhold_guesses:
            raise ConfigurationError("--withhold-guesses needs --classifier, which does the guessing")
        return None
    settings = StartSettings()
    classifier, words = chosen_guesses(options, backbone, withheld, settings)
    return GuessTeacher(classifier=classifier, words=words, temperature=settings.temperature)
