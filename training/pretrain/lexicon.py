"""The words that the text stage draws from: trained ones, their kinds, others, and definitions."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.dataset_description import DatasetDescription
from training.pretrain.hierarchy import Meaning, related_lemmas
from training.pretrain.stuff import STUFF
from training.pretrain.text_settings import TextSettings
from training.pretrain.wordnet import WordNet
from zegclip_core.words import common_words

_CHOICE_STREAM = 5
_WITHHELD_STREAM = 6
_MOST_WORDS = 3
# The rules find these kinds of stuff in photographs; the others of `STUFF` have no masks.
_FOUND_STUFF = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """All strings of the text stage.

    Attributes:
        trained: words that the image tower was trained on.
        related: lemmas that name or are a kind of one, with their meanings.
        withheld: as `related`, but kept out of training, to measure what words gain that were never drawn.
        others: words without relation to trained ones, which stay where they are.
        glosses: definitions, which stay where they are.

    """

    trained: tuple[str, ...]
    related: Mapping[str, tuple[Meaning, ...]]
    withheld: Mapping[str, tuple[Meaning, ...]]
    others: tuple[str, ...]
    glosses: tuple[str, ...]


def trained_words(descriptions: Sequence[DatasetDescription]) -> tuple[str, ...]:
    """Return the prompts of all classes, and of the stuff that the tower stage's rules find."""
    classes = [one for description in descriptions for one in description.foreground]
    return tuple(dict.fromkeys(word for one in (*classes, *STUFF[:_FOUND_STUFF]) for word in one.prompts))


def build_lexicon(
    wordnet: WordNet,
    trained: Sequence[str],
    settings: TextSettings,
    *,
    withhold: Collection[str] = (),
    withheld_share: float = 0.0,
) -> Lexicon:
    """Choose the words by the settings' seed; the same seed gives the same words, whatever is withheld.

    Args:
        wordnet: the nouns.
        trained: words that the image tower was trained on.
        settings: sizes, levels and seed.
        withhold: lemmas that training must not see, in singular.
        withheld_share: share of the related lemmas, drawn by the seed, that it must not see either.

    """
    generator = np.random.default_rng([settings.seed, _CHOICE_STREAM])
    everything = related_lemmas(wordnet, trained, levels=settings.levels)
    # Common words first, then those that stand closest to the trained word, then by chance.
    chance = dict(zip(everything, generator.random(len(everything)), strict=True))
    ranked = sorted(
        everything, key=lambda lemma: (-_uses(wordnet, lemma), _steps(everything[lemma]), chance[lemma])
    )
    kept: dict[tuple[str, ...], int] = {}
    chosen = {}
    hidden = {word.lower() for word in withhold}
    for lemma in ranked:
        target = _first_target(everything[lemma])
        if lemma in hidden or (_is_plain(lemma) and kept.get(target, 0) < settings.most_for_each):
            kept[target] = kept.get(target, 0) + 1
            chosen[lemma] = everything[lemma]
    draw = np.random.default_rng([settings.seed, _WITHHELD_STREAM]).random(len(chosen))
    withheld = {
        lemma: meanings
        for (lemma, meanings), value in zip(chosen.items(), draw, strict=True)
        if lemma in hidden or value < withheld_share
    }
    taken = {*everything, *(word.lower() for word in trained)}
    unrelated = [
        lemma
        for lemma in wordnet.senses
        if lemma not in taken and _is_plain(lemma) and wordnet.visible(lemma)
    ]
    order = generator.permutation(len(unrelated))
    unrelated = sorted((unrelated[place] for place in order), key=lambda lemma: _uses(wordnet, lemma) == 0)
    common = [word for word in common_words() if word not in taken]
    others = [word for word in dict.fromkeys([*common, *unrelated[: settings.others]]) if word not in hidden]
    glosses = [synset.gloss.partition(";")[0] for synset in wordnet.synsets.values()]
    places = generator.choice(len(glosses), min(settings.glosses, len(glosses)), replace=False)
    return Lexicon(
        trained=tuple(trained),
        related={lemma: meanings for lemma, meanings in chosen.items() if lemma not in withheld},
        withheld=withheld,
        others=tuple(others),
        glosses=tuple(glosses[place] for place in places),
    )


def plural(word: str) -> str:
    """Return the regular plural of an English noun."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return f"{word}es"
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        return f"{word[:-1]}ies"
    return f"{word}s"


def _uses(wordnet: WordNet, lemma: str) -> int:
    return sum(sense.count for sense in wordnet.visible(lemma))


def _steps(meanings: Sequence[Meaning]) -> int:
    return min(meaning.steps for meaning in meanings if meaning.trained)


def _first_target(meanings: Sequence[Meaning]) -> tuple[str, ...]:
    return next(meaning.trained for meaning in meanings if meaning.trained)


def _is_plain(lemma: str) -> bool:
    letters = lemma.replace(" ", "").replace("-", "")
    return letters.isascii() and letters.isalpha() and len(lemma.split()) <= _MOST_WORDS
