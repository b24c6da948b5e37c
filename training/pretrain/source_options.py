"""How the commands of several stages name their data, and the words that they must not see."""

import argparse
from collections.abc import Sequence
from dataclasses import replace

from training.dataset_description import DatasetDescription
from training.errors import ConfigurationError
from training.pretrain.mixture import Source
from training.pretrain.withholding import Withheld, listed_words, withhold


def add_source_options(parser: argparse.ArgumentParser) -> None:
    """Describe data and withheld words."""
    parser.add_argument("--data", action="append", required=True, metavar="FOLDER:SPLIT[:WEIGHT]")
    parser.add_argument(
        "--withhold",
        metavar="WORDS",
        help="words that training must not see, separated by commas, or a file of them, one a line; their "
        "pixels count nowhere",
    )


def chosen_sources(options: argparse.Namespace) -> tuple[list[Source], Withheld]:
    """Return the data without withheld classes, and all that is withheld."""
    sources = [read_source(text) for text in options.data]
    withheld = withhold(listed_words(options.withhold), [one.description for one in sources])
    pairs = zip(sources, withheld.classes, strict=True)
    return [replace(one, withheld=classes) for one, classes in pairs], withheld


def read_source(text: str) -> Source:
    """Read `FOLDER:SPLIT[:WEIGHT]`. Raises `ConfigurationError` for another form."""
    folder, _, rest = text.partition(":")
    split, _, weight = rest.partition(":")
    try:
        share = float(weight or 1)
    except ValueError:
        share = 0.0
    if not split or share <= 0:
        raise ConfigurationError(
            f"--data {text!r}: write FOLDER:SPLIT or FOLDER:SPLIT:WEIGHT, weight above 0"
        )
    return Source(description=DatasetDescription.load(folder), split=split, weight=share)


def told(sources: Sequence[Source], withheld: Withheld) -> dict[str, list[str]]:
    """Return what the card says of data and withheld words."""
    data = [f"{one.description.name}:{one.split}:{one.weight:g}" for one in sources]
    return {"data": data} | ({"withheld": sorted(withheld.words)} if withheld.words else {})
