"""How a model understands a label set: nearest known words, pairs it will confuse, words far from all."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS
from zegclip_core.expected_mistakes import ExpectedMistake, Meaning, expected_mistakes
from zegclip_core.labels import Label, plain_word
from zegclip_core.measured_confusion import confusion_of
from zegclip_core.text_bank import TextBank
from zegclip_core.word_checks import label_set_warnings

_COMMON_WORDS = Path(__file__).resolve().parent / "word_lists" / "common.txt"
_NEAREST = 3
# Judged by how alike the common words are to their nearest neighbours for the same model: no model's cosines
# are another's. Of the common words themselves, a tenth lie lonelier and 15 in 100 closer than this.
_FAR_QUANTILE = 0.10
_CONFUSABLE_QUANTILE = 0.85


@dataclass(frozen=True, slots=True)
class KnownWord:
    """A common word and its likeness to the word asked about, -1..1, 0 = unrelated."""

    word: str
    likeness: float


@dataclass(frozen=True, slots=True)
class UnderstoodLabel:
    """One label as the model understands it.

    Attributes:
        name: the label's name.
        words: the words looked for.
        nearest: the most alike common words, best first.
        is_far: whether it lies farther from all common words than those lie from each other.

    """

    name: str
    words: tuple[str, ...]
    nearest: tuple[KnownWord, ...]
    is_far: bool


@dataclass(frozen=True, slots=True)
class ConfusablePair:
    """Two labels that are nearly the same to the model, with their likeness."""

    first: str
    second: str
    likeness: float


@dataclass(frozen=True, slots=True)
class WordReport:
    """What a model makes of a label set.

    Attributes:
        labels: every label, in the given order.
        confusable: pairs the model will hardly tell apart, most alike first.
        warnings: what is doubtful about the words themselves, and what to do about far and confusable ones.
        mistakes: labels whose pixels are painted as others, by what was measured with just this model.

    """

    labels: tuple[UnderstoodLabel, ...]
    confusable: tuple[ConfusablePair, ...]
    warnings: tuple[str, ...]
    mistakes: tuple[ExpectedMistake, ...] = ()


def understand_words(bank: TextBank, labels: Sequence[Label]) -> WordReport:
    """Compare labels with common words and with each other; raises `LabelError` when there is no label.

    Likeness is the cosine after the common words' mean has been taken away, which leaves unrelated words near
    0 for every CLIP. A label with several words is as alike to another as its most alike word.
    """
    known_words = common_words()
    known = bank.embed([Label(word, (word,)) for word in known_words])[0]
    features, owners = bank.embed(labels)
    mean = known.mean(dim=0)
    known, features = (F.normalize(vectors - mean, dim=-1) for vectors in (known, features))
    far, confusable = _limits(known)
    nearest = [_nearest(features[owners == number] @ known.T, known_words) for number in range(len(labels))]
    understood = tuple(
        UnderstoodLabel(label.name, label.prompts, near, is_far=near[0].likeness < far)
        for label, near in zip(labels, nearest, strict=True)
    )
    pairs = _pairs(features, owners, labels, confusable)
    return WordReport(
        labels=understood,
        confusable=pairs,
        warnings=(*label_set_warnings(labels), *_advice(understood, pairs)),
        mistakes=_mistakes(bank, labels, features, mean=mean, nearly=confusable),
    )


@cache
def common_words() -> tuple[str, ...]:
    """Return the words that come with this package for comparison."""
    lines = _COMMON_WORDS.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def _mistakes(
    bank: TextBank, labels: Sequence[Label], features: Tensor, *, mean: Tensor, nearly: float
) -> tuple[ExpectedMistake, ...]:
    """Measured mistakes between labels; a word counts as a measured one that is `nearly` the same, too."""
    backbone = bank.backbone
    table = confusion_of(EMBEDDED_WEIGHTS, model_version=backbone.model_version, digest=backbone.digest)
    if table is None:
        return ()
    exact = {plain_word(word): word for word in table.words}
    measured = F.normalize(bank.embed([Label(word, (word,)) for word in table.words])[0] - mean, dim=-1)
    likeness, places = (features @ measured.T).max(dim=1)
    meanings: dict[str, list[Meaning]] = {label.name: [] for label in labels}
    said = [(label.name, word) for label in labels for word in label.prompts]
    for (name, word), alike, place in zip(said, likeness.tolist(), places.tolist(), strict=True):
        known = exact.get(plain_word(word), table.words[place] if alike >= nearly else None)
        if known is not None:
            meanings[name].append(Meaning(word=word, known=known))
    return expected_mistakes(labels, meanings, table)


def _limits(known: Tensor) -> tuple[float, float]:
    """Likeness below which a word is far, and above which two words are confusable."""
    likeness = known @ known.T
    likeness.fill_diagonal_(-1)
    closest = likeness.amax(dim=1)
    return float(closest.quantile(_FAR_QUANTILE)), float(closest.quantile(_CONFUSABLE_QUANTILE))


def _nearest(likeness: Tensor, words: Sequence[str]) -> tuple[KnownWord, ...]:
    best = likeness.amax(dim=0).topk(_NEAREST)
    return tuple(
        KnownWord(words[int(place)], float(value))
        for value, place in zip(best.values, best.indices, strict=True)
    )


def _pairs(
    features: Tensor, owners: Tensor, labels: Sequence[Label], limit: float
) -> tuple[ConfusablePair, ...]:
    likeness = features @ features.T
    found: dict[tuple[int, int], float] = {}
    for row, column in torch.nonzero(likeness >= limit).tolist():
        first, second = int(owners[row]), int(owners[column])
        if first < second:
            value = float(likeness[row, column])
            found[first, second] = max(value, found.get((first, second), -1.0))
    pairs = [ConfusablePair(labels[a].name, labels[b].name, value) for (a, b), value in found.items()]
    return tuple(sorted(pairs, key=lambda pair: -pair.likeness))


def _advice(labels: Sequence[UnderstoodLabel], pairs: Sequence[ConfusablePair]) -> list[str]:
    advice = [
        f"{label.name!r} is far from everything the model knows (nearest: {label.nearest[0].word}): describe "
        "what it looks like in common words, or correct a few images so that the model learns it"
        for label in labels
        if label.is_far
    ]
    return advice + [
        f"{pair.first!r} and {pair.second!r} are nearly the same to the model: give one of them a prompt "
        "that tells them apart, or make them one label"
        for pair in pairs
    ]
