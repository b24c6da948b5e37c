"""WordNet's files in miniature: a few meanings in the format of wndb(5WN)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LICENCE = "  1 This software and database is being provided to you, the LICENSEE  \n"
ANIMAL, ARTIFACT, PERSON, POSSESSION = 5, 6, 18, 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One meaning: its lemmas, with blanks, and the first lemma of what it is a kind of."""

    words: tuple[str, ...]
    kind: int = ANIMAL
    above: str | None = None
    gloss: str = "a thing"
    uses: int = 0
    instance: bool = False


ENTRIES = (
    Entry(words=("animal",)),
    Entry(words=("dog", "domestic dog"), above="animal", uses=40),
    Entry(words=("hound",), above="dog"),
    Entry(words=("beagle",), above="hound"),
    Entry(words=("Laika",), above="dog", instance=True),
    Entry(words=("chap", "dog"), kind=PERSON, above="person", uses=2),
    Entry(words=("young mammal",), above="animal"),
    Entry(words=("puppy",), above="young mammal", gloss="a young dog; cute"),
    Entry(words=("seat",), kind=ARTIFACT),
    Entry(words=("sofa", "couch"), kind=ARTIFACT, above="seat"),
    Entry(words=("bench",), kind=ARTIFACT, above="seat"),
    Entry(words=("settle", "settee"), kind=ARTIFACT, above="bench"),
    Entry(words=("settee",), kind=ARTIFACT, above="sofa", uses=2),
    Entry(words=("kitty", "pool"), kind=POSSESSION),
    Entry(words=("person",), kind=3),
    Entry(words=("lamp",), kind=ARTIFACT),
    Entry(words=("very long tailed animal name",), above="dog"),
)


def write_wordnet(folder: Path, entries: Sequence[Entry] = ENTRIES) -> Path:
    """Write data.noun, index.noun and cntlist.rev; meanings of a lemma rank in the order of `entries`."""
    offsets = {entry.words: 100 * number for number, entry in enumerate(entries, start=1)}
    by_first = {entry.words[0]: offsets[entry.words] for entry in entries}
    data, counts, senses = [LICENCE], [], dict[str, list[int]]()
    for entry in entries:
        spelt = " ".join(f"{word.replace(' ', '_')} 0" for word in entry.words)
        symbol = "@i" if entry.instance else "@"
        pointers = [f"{symbol} {by_first[entry.above]:08} n 0000", "~ 00000100 n 0000"] if entry.above else []
        head = f"{offsets[entry.words]:08} {entry.kind:02} n {len(entry.words):02x} {spelt}"
        data.append(f"{head} {' '.join([f'{len(pointers):03}', *pointers])} | {entry.gloss}  \n")
        for word in entry.words:
            key = word.lower().replace(" ", "_")
            senses.setdefault(key, []).append(offsets[entry.words])
            if entry.uses:
                counts.append(f"{key}%1:{entry.kind:02}:00:: {len(senses[key])} {entry.uses}\n")
    index = [
        f"{key} n {len(found)} 2 @ ~ {len(found)} 1 {' '.join(f'{one:08}' for one in found)}  \n"
        for key, found in senses.items()
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "data.noun").write_text("".join(data))
    (folder / "index.noun").write_text("".join([LICENCE, *index]))
    (folder / "cntlist.rev").write_text("".join([*counts, "run%2:38:00:: 1 106\n"]))
    return folder
