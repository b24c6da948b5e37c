"""Settings of one control: `model_*` attributes of its tag, over the project's `extra_params`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

Output = Literal["class", "component"]
WORD_SLOT = "{}"
_PREFIX = "model_"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlOptions:
    """How a control's regions are made.

    Attributes:
        score_threshold: regions with a lower mean confidence (0..1) are left out.
        min_area: smallest region; pixels, or a share of the image when below 1.
        output: one region for each class or for each connected component; None for the control's own way.
        max_regions: the largest regions that are kept.
        skip: whether the control is left alone.
        prompt: sentence around every word, with `{}` for the word; empty for none.
        background: names of labels that compete for pixels without being painted.
        tolerance: largest distance in pixels of a polygon's outline from the mask's edge.

    """

    score_threshold: float = 0.0
    min_area: float = 0.0
    output: Output | None = None
    max_regions: int = 200
    skip: bool = False
    prompt: str = ""
    background: frozenset[str] = frozenset()
    tolerance: float = 1.5


def read_options(
    values: Mapping[str, Any], *, where: str, defaults: ControlOptions | None = None
) -> tuple[ControlOptions, list[str]]:
    """Read `model_*` settings over defaults.

    Args:
        values: names with or without the prefix `model_`, other names are ignored.
        where: for warnings, such as `<BrushLabels name="tag">`.
        defaults: what stands where nothing is set.

    Returns the options and a warning for each value that cannot be used: it names attribute, value and rule.

    """
    options, warnings = defaults or ControlOptions(), list[str]()
    for field, (rule, read) in _READERS.items():
        given = values.get(_PREFIX + field, values.get(field))
        if given is None:
            continue
        try:
            # Each reader returns what its field holds; the names of fields and readers are the same.
            options = replace(options, **{field: read(given)})
        except (ValueError, TypeError):
            warnings.append(f"{where}: model_{field}={given!r} is ignored: it must be {rule}")
    unknown = sorted(str(name) for name in values if str(name).startswith(_PREFIX))
    known = {_PREFIX + field for field in _READERS}
    warnings += [
        f"{where}: {name} is not known and ignored; known are {', '.join(sorted(known))}"
        for name in unknown
        if name not in known
    ]
    return options, warnings


def read_flag(value: object) -> bool:
    """Read true/false, yes/no, 1/0; raises `ValueError` for anything else."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in ("true", "yes", "1", "on"):
        return True
    if text in ("false", "no", "0", "off", ""):
        return False
    raise ValueError(text)


def _fraction(value: object) -> float:
    number = float(str(value))
    if not 0 <= number <= 1:
        raise ValueError(value)
    return number


def _not_negative(value: object) -> float:
    number = float(str(value))
    if not 0 <= number < float("inf"):
        raise ValueError(value)
    return number


def _output(value: object) -> str:
    text = str(value).strip().lower()
    if text not in ("class", "component"):
        raise ValueError(value)
    return text


def _count(value: object) -> int:
    number = int(str(value))
    if number < 1:
        raise ValueError(value)
    return number


def _prompt(value: object) -> str:
    text = str(value).strip()
    if text and WORD_SLOT not in text:
        raise ValueError(value)
    return text


def _names(value: object) -> frozenset[str]:
    names = value if isinstance(value, list) else str(value).split(",")
    return frozenset(str(name).strip() for name in names if str(name).strip())


_READERS: dict[str, tuple[str, Callable[[object], Any]]] = {
    "score_threshold": ("a number from 0 to 1", _fraction),
    "min_area": ("pixels, or a share of the image below 1", _not_negative),
    "output": ("'class' or 'component'", _output),
    "max_regions": ("a whole number from 1", _count),
    "skip": ("true or false", read_flag),
    "prompt": ("a sentence with {} for the word", _prompt),
    "background": ("names of labels, separated by commas", _names),
    "tolerance": ("pixels from 0", _not_negative),
}
