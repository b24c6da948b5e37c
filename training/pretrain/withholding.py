"""Words kept out of training, so that what a model makes of them is zero-shot proper."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.dataset_description import DatasetDescription
from training.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Withheld:
    """Words and the classes that they take along.

    Attributes:
        words: all of them, in lower case.
        classes: for each data set the names of its withheld classes.

    """

    words: frozenset[str] = frozenset()
    classes: tuple[tuple[str, ...], ...] = ()

    def admitted(self, words: Sequence[str]) -> list[str]:
        """Return the words that neither are nor contain a withheld one ("brown bear" contains "bear")."""
        if not self.words:
            return list(words)
        alternatives = "|".join(re.escape(word) for word in sorted(self.words, key=len, reverse=True))
        pattern = re.compile(rf"\b(?:{alternatives})\b", re.IGNORECASE)
        return [word for word in words if not pattern.search(word)]


def withhold(words: Collection[str], descriptions: Sequence[DatasetDescription]) -> Withheld:
    """Find the classes that words withhold in every data set.

    A class is withheld when its name or one of its prompts is; its name and all of its prompts are withheld
    with it, in the other data sets too: "sofa" takes "couch" along where one data set calls a sofa both.

    Raises `ConfigurationError` for a word that no data set has.
    """
    hidden = {word.lower() for word in words}
    classes = [one for description in descriptions for one in description.foreground]
    spelt = [{one.name.lower(), *(word.lower() for word in one.prompts)} for one in classes]
    unknown = sorted(hidden.difference(*spelt))
    if unknown:
        raise ConfigurationError(f"withheld {unknown}: no data set of this run has a class of that name")
    while grown := [names for names in spelt if names & hidden and not names <= hidden]:
        hidden.update(*grown)
    return Withheld(
        frozenset(hidden),
        tuple(
            tuple(one.name for one in description.foreground if one.name.lower() in hidden)
            for description in descriptions
        ),
    )


def listed_words(text: str | None) -> list[str]:
    """Read words from a file, one a line, or from the text itself, separated by commas."""
    if not text:
        return []
    path = Path(text)
    parts = path.read_text("utf-8").splitlines() if path.is_file() else text.split(",")
    return [part.strip() for part in parts if part.strip()]
