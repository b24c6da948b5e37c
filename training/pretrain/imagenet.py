"""ImageNet's 1,000 classes as words: their names, the everyday words above them, their place in WordNet."""

from collections.abc import Collection
from dataclasses import dataclass

from training.pretrain.wordnet import WordNet
from zegclip_core.guarded_open_clip import open_clip


@dataclass(frozen=True, slots=True)
class ImageNetClass:
    """One class.

    Attributes:
        name: as open_clip's zero-shot evaluation spells it.
        synset: offset of its meaning in WordNet 3.0, which is the number in ImageNet's own identifier.

    """

    name: str
    synset: int


def imagenet_classes() -> tuple[ImageNetClass, ...]:
    """Return the 1,000 classes in the order of classifiers."""
    # timm, which open_clip is built on, imports torchvision, which the guard of open_clip's import covers.
    from timm.data import ImageNetInfo

    names = open_clip.zero_shot_metadata.IMAGENET_CLASSNAMES
    identifiers = ImageNetInfo("imagenet-1k").label_names()
    return tuple(
        ImageNetClass(name, int(identifier[1:])) for name, identifier in zip(names, identifiers, strict=True)
    )


def everyday_word(wordnet: WordNet, synset: int, *, levels: int, least_uses: int) -> str | None:
    """Return the nearest word at or above a meaning that people use: "dog" for a beagle.

    Args:
        wordnet: the nouns.
        synset: offset of the meaning.
        levels: how many steps up a word is looked for.
        least_uses: uses in WordNet's corpus, for this meaning, that a word needs.

    """
    for row in wordnet.ancestry(synset, levels):
        uses = {
            lemma: sense.count
            for offset in row
            for lemma in wordnet.synsets[offset].words
            for sense in wordnet.senses.get(lemma.lower(), ())
            if sense.offset == offset
        }
        if uses and max(uses.values()) >= least_uses:
            return max(uses, key=lambda lemma: uses[lemma])
    return None


def kinds_of(
    wordnet: WordNet, classes: Collection[ImageNetClass], words: Collection[str], *, levels: int
) -> frozenset[int]:
    """Return the places of classes that name one of `words` or are a kind of it.

    Args:
        wordnet: the nouns.
        classes: in the order of the classifier.
        words: any meaning of theirs that can be seen counts, so that rather too many are found.
        levels: how many steps up a word is looked for.

    """
    meanings = {sense.offset for word in words for sense in wordnet.visible(word)}
    lowered = {word.lower() for word in words}
    return frozenset(
        place
        for place, one in enumerate(classes)
        if one.name.lower() in lowered
        or any(meanings.intersection(row) for row in wordnet.ancestry(one.synset, levels))
    )
