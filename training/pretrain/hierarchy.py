"""Which nouns of WordNet name, or are a kind of, something that the image tower was trained on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from training.pretrain.wordnet import Sense, WordNet

# Trained words whose most frequent visible meaning is not what their data set shows, or that WordNet spells
# otherwise: the lemma to read instead, and the lexicographer file of the meaning.
_MEANT = {
    "bike": ("bicycle", 6),
    "person": ("person", 3),
    "potted plant": ("houseplant", 20),
    "television": ("television set", 6),
    "monitor screen": ("video display", 6),
    "traffic light": ("traffic light", 10),
    "wine glass": ("wineglass", 6),
    "cell phone": ("cellphone", 6),
    "skis": ("ski", 6),
    "sports ball": ("ball", 6),
    "hot dog": ("hot dog", 13),
    "cake": ("layer cake", 13),
    "donut": ("doughnut", 13),
    "toilet": ("toilet bowl", 6),
    "toaster": ("toaster", 6),
    "microwave": ("microwave oven", 6),
    "mouse": ("computer mouse", 6),
    "remote": ("remote control", 6),
    "hair drier": ("hair dryer", 6),
    "trees": ("tree", 20),
    "clouds": ("cloud", 19),
    "interior wall": ("wall", 6),
}
# Words of stuff whose meaning in WordNet is one part or one shade of it.
_NOT_MEANT = frozenset({"foliage", "blue sky"})
# Young animals stand beside their kind in WordNet, not below it; their definitions name it.
_YOUNG = re.compile(r"(?:a |the )?young (?:of )?(?:a |an |the )?(?:domestic |domesticated )?(\w+)")


@dataclass(frozen=True, slots=True)
class Meaning:
    """One meaning of a lemma, as the hierarchy sees it.

    Attributes:
        share: how likely the lemma means this, 0..1; the shares of a lemma add up to 1.
        trained: the trained words that it names or is a kind of; empty when there are none.
        steps: levels from the meaning up to them; 0 = the same meaning.

    """

    share: float
    trained: tuple[str, ...] = ()
    steps: int = 0


def related_lemmas(
    wordnet: WordNet, trained: Sequence[str], *, levels: int
) -> dict[str, tuple[Meaning, ...]]:
    """Return every lemma with a meaning that names, or is a kind of, a trained word, but not those words.

    A lemma means the kind of thing (animal, artifact …) that its most frequent visible meaning is; meanings
    of that kind share it by their uses in WordNet's corpus, each counted once more so that none is zero.

    Args:
        wordnet: the nouns.
        trained: words whose images are known.
        levels: how many steps up a trained word is looked for.

    """
    meant = _meanings_of(wordnet, trained)
    taken = {word.lower() for word in trained}
    found: dict[str, tuple[Meaning, ...]] = {}
    for lemma in wordnet.senses:
        if lemma in taken:
            continue
        meanings = _lemma_meanings(wordnet, lemma, meant, levels)
        if any(meaning.trained for meaning in meanings):
            found[lemma] = meanings
    return found


def _meanings_of(wordnet: WordNet, trained: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """The trained words of each synset that one of them means."""
    meant: dict[int, tuple[str, ...]] = {}
    for word in trained:
        offset = _meaning_of(wordnet, word)
        if offset is not None:
            meant[offset] = (*meant.get(offset, ()), word)
    return meant


def _meaning_of(wordnet: WordNet, word: str) -> int | None:
    if word in _NOT_MEANT:
        return None
    if word in _MEANT:
        lemma, kind = _MEANT[word]
        offsets = (sense.offset for sense in wordnet.senses.get(lemma, ()))
        return next((offset for offset in offsets if wordnet.synsets[offset].kind == kind), None)
    return next((sense.offset for sense in wordnet.visible(word)), None)


def _lemma_meanings(
    wordnet: WordNet, lemma: str, meant: dict[int, tuple[str, ...]], levels: int
) -> tuple[Meaning, ...]:
    visible = wordnet.visible(lemma)
    if not visible:
        return ()
    kind = wordnet.synsets[visible[0].offset].kind
    senses = [sense for sense in visible if wordnet.synsets[sense.offset].kind == kind]
    total = sum(sense.count + 1 for sense in senses)
    return tuple(_meaning(wordnet, sense, (sense.count + 1) / total, meant, levels) for sense in senses)


def _meaning(
    wordnet: WordNet, sense: Sense, share: float, meant: dict[int, tuple[str, ...]], levels: int
) -> Meaning:
    for steps, row in enumerate(wordnet.ancestry(sense.offset, levels)):
        words = tuple(word for offset in row for word in meant.get(offset, ()))
        if words:
            return Meaning(share, words, steps)
        if steps == 0:
            young = _YOUNG.match(wordnet.synsets[sense.offset].gloss)
            grown = young and wordnet.visible(young.group(1))
            if grown and grown[0].offset in meant:
                return Meaning(share, meant[grown[0].offset], 1)
    return Meaning(share)
