"""Labels as the tags of a labelling configuration, or a task's data, declare them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any
from xml.etree.ElementTree import Element

from backend.label_studio.control_options import WORD_SLOT, ControlOptions, read_flag
from zegclip_core.labels import Label, split_synonyms

PATH_SEPARATOR = " / "


class LabelSource(Enum):
    """Where a control's labels are declared."""

    OWN = "labels inside the tag itself, for regions"
    PAIRED = "a <Labels> tag for the same object, for regions"
    CHOICES = "choices inside the tag, for the image as a whole"
    PATHS = "nested choices inside the tag, for the image as a whole"

    @property
    def is_for_regions(self) -> bool:
        """Whether results have a place in the image."""
        return self in (LabelSource.OWN, LabelSource.PAIRED)


def read_labels(
    declared: Iterable[tuple[str, Mapping[str, str]]], options: ControlOptions, where: str
) -> tuple[tuple[Label, ...], list[str]]:
    """Turn declarations into labels.

    Args:
        declared: the name that results carry, and the attributes of the label's tag.
        options: of the control.
        where: for warnings, such as `<BrushLabels name="tag">`.

    Returns the labels with distinct names, and a warning for each declaration that is not used as it stands.

    """
    labels, warnings = dict[str, Label](), list[str]()
    for name, attributes in declared:
        words = label_words(attributes)
        if not words:
            warnings.append(f"{where}: a label without any word is left out")
            continue
        is_background, wrong = _background_flag(name, attributes, where)
        warnings += wrong
        if options.prompt:
            words = tuple(options.prompt.replace(WORD_SLOT, word) for word in words)
        labels[name] = Label(name, words, is_background or name in options.background)
    return tuple(labels.values()), warnings + _alike(labels.values(), where)


def unknown_background(labels: Iterable[Label], options: ControlOptions, where: str) -> list[str]:
    """Return a warning when `model_background` names what is no label."""
    unknown = options.background - {label.name for label in labels}
    return (
        [f"{where}: model_background names no label of it: {', '.join(sorted(unknown))}"] if unknown else []
    )


def label_words(attributes: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words that the model looks for.

    The first that is there: `prompt` (synonyms separated by `|`), `predicted_values` (separated by commas),
    `hint`, the label's visible `value`, and its `alias`.
    """
    predicted = attributes.get("predicted_values", "").replace(",", "|")
    prompt, hint, value, alias = (attributes.get(name, "") for name in ("prompt", "hint", "value", "alias"))
    for text in (prompt, predicted, hint, value, alias):
        words = split_synonyms(text)
        if words:
            return words
    return ()


def duplicates(element: Element, where: str) -> list[str]:
    """Return a warning for each label that a control's tag declares more than once."""
    names = Counter(label.get("alias") or label.get("value") for label in element.iter("Label"))
    return [
        f"{where}: label {name!r} is there {count} times; the last one counts"
        for name, count in names.items()
        if name and count > 1
    ]


def read_paths(element: Element) -> list[tuple[tuple[str, ...], Mapping[str, str]]]:
    """Return the leaves of a taxonomy: each with its path from the root and its attributes."""
    leaves: list[tuple[tuple[str, ...], Mapping[str, str]]] = []

    def visit(parent: Element, path: tuple[str, ...]) -> None:
        for child in parent:
            if child.tag != "Choice":
                # A <View> around choices is no step of the path.
                visit(child, path)
                continue
            name = child.get("alias") or child.get("value") or ""
            own = (*path, name)
            if child.find(".//Choice") is None:
                leaves.append((own, child.attrib))
            visit(child, own)

    visit(element, ())
    return leaves


def declared_in_task(value: Any) -> list[tuple[str, Mapping[str, str]]] | None:
    """Read labels that a task's data brings along, or None when it holds no such list.

    Label Studio takes a list of objects with the attributes of `<Label>`; plain texts are read as well.
    """
    if not isinstance(value, list):
        return None
    declared: list[tuple[str, Mapping[str, str]]] = []
    for item in value:
        given = {"value": item} if isinstance(item, str) else item
        if isinstance(given, Mapping):
            attributes = {str(key): str(held) for key, held in given.items() if held is not None}
            name = attributes.get("alias") or attributes.get("value")
            if name:
                declared.append((name, attributes))
    return declared


def _background_flag(name: str, attributes: Mapping[str, str], where: str) -> tuple[bool, list[str]]:
    given = attributes.get("model_background", "false")
    try:
        return read_flag(given), []
    except ValueError:
        problem = f"model_background={given!r} is ignored: it must be true or false"
        return False, [f"{where}, label {name!r}: {problem}"]


def _alike(labels: Iterable[Label], where: str) -> list[str]:
    by_words: dict[frozenset[str], list[str]] = {}
    for label in labels:
        by_words.setdefault(frozenset(word.casefold() for word in label.prompts), []).append(label.name)
    return [
        f"{where}: {', '.join(map(repr, names))} look for the same words, so only the first can win: "
        "give them prompts of their own"
        for names in by_words.values()
        if len(names) > 1
    ]
