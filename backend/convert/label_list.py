"""The list of labels beside masks: `labels.txt` with a number, a colour and a name in each line."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.convert.masked_image import ConvertError
from backend.overlays import hex_colour
from zegclip_core.palette import label_colours

FILE_NAME = "labels.txt"
_LINE = re.compile(r"^(?:(?P<number>\d+)\s+)?(?:(?P<colour>#[0-9a-fA-F]{6})\s+)?(?P<name>\S.*)$")


@dataclass(frozen=True, slots=True)
class ListedLabel:
    """A label and how masks show it.

    Attributes:
        name: its name.
        number: its value in index masks.
        colour: red, green and blue in colour masks.

    """

    name: str
    number: int
    colour: tuple[int, int, int]


def listed(names: Sequence[str]) -> tuple[ListedLabel, ...]:
    """Number labels from 1 and give them colours that are easy to tell apart.

    Raises `ConvertError` for names that repeat.
    """
    if len(set(names)) < len(names):
        raise ConvertError(f"labels must differ: {', '.join(names)}")
    colours = label_colours(len(names))
    return tuple(ListedLabel(name, number + 1, colours[number]) for number, name in enumerate(names))


def read_label_list(path: Path) -> tuple[ListedLabel, ...]:
    """Read a file with one label a line: `NAME`, `NUMBER NAME`, `#RRGGBB NAME` or `NUMBER #RRGGBB NAME`.

    Raises `ConvertError` for a file that cannot be read, holds no label, or names one twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConvertError(f"{path} cannot be read as a list of labels: {error}") from error
    found = [match for line in lines if (match := _LINE.match(line.strip()))]
    if not found:
        raise ConvertError(f"{path} lists no label: write one a line")
    defaults = listed([match["name"] for match in found])
    labels = tuple(
        ListedLabel(
            label.name,
            int(match["number"] or label.number),
            _colour(match["colour"]) or label.colour,
        )
        for match, label in zip(found, defaults, strict=True)
    )
    if len({label.number for label in labels}) < len(labels):
        raise ConvertError(f"{path} gives one number to two labels")
    return labels


def write_label_list(path: Path, labels: Sequence[ListedLabel]) -> None:
    """Write what `read_label_list` reads."""
    lines = [f"{label.number} {hex_colour(label.colour)} {label.name}" for label in labels]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _colour(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue
