"""From measured confusion of known words to the labels of a project (no torch)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zegclip_core.labels import Label, plain_word
from zegclip_core.measured_confusion import ConfusionTable, MeasuredPair


@dataclass(frozen=True, slots=True)
class Meaning:
    """A word of a label and the known word it stands for: itself, or one nearly the same to the model."""

    word: str
    known: str

    @property
    def is_known(self) -> bool:
        """Whether the word itself was measured."""
        return plain_word(self.word) == plain_word(self.known)


@dataclass(frozen=True, slots=True)
class ExpectedMistake:
    """One label whose pixels are painted as another, by what was measured of known words.

    Attributes:
        label, taken_for: names of the two labels.
        measured: the pair of known words.
        told_of, told_as: the words of the labels that these stand for.

    """

    label: str
    taken_for: str
    measured: MeasuredPair
    told_of: Meaning
    told_as: Meaning

    def sentence(self) -> str:
        """Say it with its source."""
        pair = self.measured
        images = f"{pair.images} photograph{'s' if pair.images != 1 else ''}"
        said = (
            f"measured: {pair.percent:.0f} % of the pixels of {pair.word!r} are painted {pair.taken_for!r} "
            f"({pair.data}, {images})"
        )
        nearly = [
            f"{meaning.word!r} is nearly {meaning.known!r} to the model"
            for meaning in (self.told_of, self.told_as)
            if not meaning.is_known
        ]
        return "; ".join([said, *nearly])


def expected_mistakes(
    labels: Sequence[Label], meanings: Mapping[str, Sequence[Meaning]], table: ConfusionTable
) -> tuple[ExpectedMistake, ...]:
    """Return the measured pairs that stand in a label set, largest share first, one for each pair of labels.

    Args:
        labels: the label set.
        meanings: for each label's name, its words that are known, or nearly so.
        table: of the model in use.

    Words of one label are no mistake for each other, nor is a known word that stands for both labels.
    Of two measurements of a pair, one of the very words counts before one of words that are nearly the same,
    then the one on more photographs.

    """
    pairs: dict[tuple[str, str], list[MeasuredPair]] = {}
    for pair in table.pairs:
        pairs.setdefault((pair.word, pair.taken_for), []).append(pair)
    found = []
    for label in labels:
        for other in labels:
            if other is label or other.is_background:
                continue
            candidates = [
                ExpectedMistake(label.name, other.name, pair, of, taken)
                for of in meanings.get(label.name, ())
                for taken in meanings.get(other.name, ())
                for pair in pairs.get((of.known, taken.known), ())
            ]
            if candidates:
                found.append(max(candidates, key=_trust))
    return tuple(sorted(found, key=lambda one: -one.measured.percent))


def mistake_warnings(mistakes: Sequence[ExpectedMistake], *, most: int = 10) -> list[str]:
    """Say the largest of them; a last line counts the others."""
    told = [one.sentence() for one in mistakes[:most]]
    left = len(mistakes) - len(told)
    if left:
        told.append(f"{left} more pairs were measured: `zegclip words` with fewer labels tells them")
    return told


def _trust(mistake: ExpectedMistake) -> tuple[int, int]:
    return (mistake.told_of.is_known + mistake.told_as.is_known, mistake.measured.images)
