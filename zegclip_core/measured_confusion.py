"""Which known words the embedded model mixes up, as measured once and kept beside its weights (no torch).

The file `NAME.confusion.json` says by which weights and on which photographs it was measured; for other
weights it says nothing. `python -m training.pretrain confusion` writes it.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zegclip_core.atomic_files import write_atomically
from zegclip_core.errors import WeightsError

_SUFFIX = ".confusion.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPair:
    """Pixels of one word that were painted as another.

    Attributes:
        word: what the pixels show.
        taken_for: what they were painted.
        percent: share of the word's pixels.
        data: the photographs, such as "COCO val".
        images: how many of them show the word.

    """

    word: str
    taken_for: str
    percent: float
    data: str
    images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfusionTable:
    """Measured confusion of the known words of one model.

    Attributes:
        model_version: the version, as predictions carry it.
        sha256: of its weights.
        words: all words that competed, with or without a pair below.
        pairs: the most confused ones.

    """

    model_version: str
    sha256: str
    words: tuple[str, ...]
    pairs: tuple[MeasuredPair, ...]


def confusion_file(weights: Path) -> Path:
    """Return where the table of a weight file lies."""
    return weights.with_suffix(_SUFFIX)


def confusion_of(weights: Path, *, model_version: str, digest: str) -> ConfusionTable | None:
    """Return the table beside a weight file if it was measured with just this model; else None.

    Args:
        weights: the weight file.
        model_version: of the model in use; a trained version of the same weights has another.
        digest: SHA-256 of the weights in use.

    Raises `WeightsError` for a file that is no such table.

    """
    path = confusion_file(weights)
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        table = _from_document(document)
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{path} is not a table of measured confusion: install the package again"
        ) from error
    return table if (table.model_version, table.sha256) == (model_version, digest) else None


def write_confusion(path: Path, table: ConfusionTable) -> None:
    """Write a table, whole or not at all."""
    document = {"unit": "percent of the word's pixels", **asdict(table)}
    pairs = document.pop("pairs")
    # A line for each pair, so that two versions of the file can be compared by eye.
    head = ",\n ".join(f"{json.dumps(key)}: {_json(value)}" for key, value in document.items())
    lines = ",\n  ".join(_json(pair) for pair in pairs)
    write_atomically(path, f'{{\n {head},\n "pairs": [\n  {lines}\n ]\n}}\n'.encode())


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _from_document(document: dict[str, Any]) -> ConfusionTable:
    return ConfusionTable(
        model_version=document["model_version"],
        sha256=document["sha256"],
        words=tuple(document["words"]),
        pairs=tuple(MeasuredPair(**pair) for pair in document["pairs"]),
    )
