"""WordNet's nouns, read from its own database files (Debian: `wordnet-base`).

Formats: WordNet 3.0's manual pages wndb(5WN) and cntlist(5WN).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.errors import ConfigurationError

DEBIAN_FOLDER = Path("/usr/share/wordnet")
# Lexicographer files of things that a photograph can show: animal, artifact, body, food, object, person,
# phenomenon, plant, substance; and the tops of those trees (person, animal …).
VISIBLE_KINDS = frozenset({3, 5, 6, 8, 13, 17, 18, 19, 20, 27})


@dataclass(frozen=True, slots=True)
class Synset:
    """One meaning.

    Attributes:
        words: its lemmas as WordNet spells them, with blanks.
        kind: the lexicographer file's number, such as 5 for animals.
        above: offsets of its hypernyms.
        is_instance: whether it is one individual (Charles Lamb), not a kind of thing.
        gloss: its definition and examples.

    """

    words: tuple[str, ...]
    kind: int
    above: tuple[int, ...]
    is_instance: bool
    gloss: str


@dataclass(frozen=True, slots=True)
class Sense:
    """A meaning of a lemma, and how often WordNet's corpus uses the lemma for it."""

    offset: int
    count: int


class WordNet:
    """All nouns of WordNet.

    Args:
        folder: holds data.noun, index.noun and cntlist.rev.

    Raises `ConfigurationError` when a file is missing.

    """

    def __init__(self, folder: Path = DEBIAN_FOLDER) -> None:
        try:
            self.synsets = dict(_synsets(_lines(folder / "data.noun")))
            counts = dict(_counts(_lines(folder / "cntlist.rev")))
            self.senses = {
                lemma: tuple(
                    Sense(offset, counts.get((lemma, rank), 0)) for rank, offset in enumerate(offsets, 1)
                )
                for lemma, offsets in _index(_lines(folder / "index.noun"))
            }
        except FileNotFoundError as error:
            raise ConfigurationError(
                f"no WordNet at {folder} ({error.filename} is missing): install Debian's wordnet-base, or "
                "give the folder of its data.noun"
            ) from error

    def visible(self, lemma: str) -> tuple[Sense, ...]:
        """Return a lemma's meanings that are a thing to see, the most frequent first; not individuals."""
        return tuple(
            sense
            for sense in self.senses.get(lemma.lower(), ())
            if self.synsets[sense.offset].kind in VISIBLE_KINDS and not self.synsets[sense.offset].is_instance
        )

    def ancestry(self, offset: int, levels: int) -> Iterator[tuple[int, ...]]:
        """Yield the synsets 0, 1 … `levels` steps up from one, each of them once."""
        seen: set[int] = set()
        row: tuple[int, ...] = (offset,)
        for _ in range(levels + 1):
            row = tuple(one for one in dict.fromkeys(row) if one not in seen)
            if not row:
                return
            yield row
            seen.update(row)
            row = tuple(up for one in row for up in self.synsets[one].above)


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines after the licence, which WordNet indents by two blanks."""
    with path.open(encoding="utf-8") as file:
        yield from (line for line in file if not line.startswith("  "))


def _synsets(lines: Iterator[str]) -> Iterator[tuple[int, Synset]]:
    for line in lines:
        data, _, gloss = line.partition(" | ")
        fields = data.split()
        count = int(fields[3], 16)
        words = tuple(word.replace("_", " ") for word in fields[4 : 4 + 2 * count : 2])
        start = 5 + 2 * count
        pointers = list(zip(fields[start::4], fields[start + 1 :: 4], strict=False))
        above = tuple(int(offset) for symbol, offset in pointers if symbol in ("@", "@i"))
        individual = any(symbol == "@i" for symbol, _ in pointers)
        yield int(fields[0]), Synset(words, int(fields[1]), above, individual, gloss.strip())


def _index(lines: Iterator[str]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for line in lines:
        fields = line.split()
        meanings = int(fields[2])
        yield fields[0].replace("_", " "), tuple(int(offset) for offset in fields[-meanings:])


def _counts(lines: Iterator[str]) -> Iterator[tuple[tuple[str, int], int]]:
    """Yield ((lemma, rank of its meaning from 1), uses in the corpus) of nouns."""
    for line in lines:
        key, rank, count = line.split()
        lemma, _, rest = key.partition("%")
        if rest.startswith("1:"):
            yield (lemma.replace("_", " "), int(rank)), int(count)
