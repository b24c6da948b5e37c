"""What may stand in `dataset.json`, and sentences for what may not."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from training.errors import DatasetDescriptionError

LARGEST_MASK_VALUE = 65535
TEXT_FIELDS = ("name", "images", "image_suffix", "masks", "mask_suffix")


def read_document(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file.

    Raises `DatasetDescriptionError` when there is no such file or it holds something else.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise DatasetDescriptionError(
            f"no data set description at {path}: give the folder that holds dataset.json, "
            "or write one with `zegclip data`"
        ) from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DatasetDescriptionError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise DatasetDescriptionError(f"{path} holds a {type(document).__name__}, not a JSON object")
    return document


def check_description(document: Mapping[str, Any], *, where: str) -> None:
    """Raise `DatasetDescriptionError`, beginning with `where`, for the first thing that is wrong."""
    problem = next(filter(None, (check(document) for check in CHECKS)), None)
    if problem:
        raise DatasetDescriptionError(f"{where}: {problem}")


def _check_texts(document: Mapping[str, Any]) -> str | None:
    for key in TEXT_FIELDS:
        value = document.get(key, "" if key != "name" else None)
        if not isinstance(value, str) or (key == "name" and not value.strip()):
            return f"{key!r} must be a text, not {value!r}"
    return None


def _check_ignore_index(document: Mapping[str, Any]) -> str | None:
    value = document.get("ignore_index", 255)
    return (
        None if _is_mask_value(value) else f"'ignore_index' must be 0 to {LARGEST_MASK_VALUE}, not {value!r}"
    )


def _check_classes(document: Mapping[str, Any]) -> str | None:
    entries = document.get("classes")
    if not _is_list_of(entries, dict) or not entries:
        return f"'classes' must be a list of objects with 'index', 'name' and 'prompts', not {entries!r}"
    for entry in entries:
        problem = _check_class(entry, ignored=document.get("ignore_index", 255))
        if problem:
            return problem
    for key in ("index", "name"):
        values = [entry[key] for entry in entries]
        repeated = [value for value in values if values.count(value) > 1]
        if repeated:
            return f"two classes have the {key} {repeated[0]!r}: each class needs its own"
    backgrounds = [entry["name"] for entry in entries if entry.get("background")]
    if len(backgrounds) > 1:
        return f"{backgrounds} are all marked as background: mark one class at most"
    return "there is no class but the background" if len(entries) == len(backgrounds) else None


def _check_class(entry: Mapping[str, Any], *, ignored: object) -> str | None:
    name = entry.get("name")
    if not isinstance(name, str) or not name.strip():
        return f"class {dict(entry)!r} has no name"
    if not _is_mask_value(entry.get("index")):
        return f"class {name!r} has the index {entry.get('index')!r}: use its value in the masks, 0 to 65535"
    if entry["index"] == ignored:
        return (
            f"class {name!r} has index {ignored}, which is also 'ignore_index': its pixels would never count"
        )
    prompts = entry.get("prompts", [name])
    if not _is_list_of(prompts, str) or not prompts or not all(prompt.strip() for prompt in prompts):
        return f"class {name!r} needs a list of words as 'prompts', not {prompts!r}"
    if not isinstance(entry.get("background", False), bool):
        return f"class {name!r}: 'background' must be true or false, not {entry['background']!r}"
    return None


def _check_unseen(document: Mapping[str, Any]) -> str | None:
    unseen = document.get("unseen", [])
    if not _is_list_of(unseen, str):
        return f"'unseen' must be a list of class names, not {unseen!r}"
    names = [entry["name"] for entry in document["classes"]]
    unknown = [name for name in unseen if name not in names]
    return f"'unseen' names {unknown}, which are no classes: use names out of {names}" if unknown else None


def _check_splits(document: Mapping[str, Any]) -> str | None:
    splits = document.get("splits")
    if not isinstance(splits, Mapping) or not splits:
        return f"'splits' must name at least one file of image ids, not {splits!r}"
    wrong = [name for name, path in splits.items() if not isinstance(path, str) or not path]
    return f"split {wrong[0]!r} must be the path of a text file, not {splits[wrong[0]]!r}" if wrong else None


CHECKS: Sequence[Callable[[Mapping[str, Any]], str | None]] = (
    _check_texts,
    _check_ignore_index,
    _check_classes,
    _check_unseen,
    _check_splits,
)


def _is_mask_value(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_MASK_VALUE


def _is_list_of(value: object, kind: type) -> bool:
    return isinstance(value, list) and all(isinstance(one, kind) for one in value)
