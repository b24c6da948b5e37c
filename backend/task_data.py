"""What a task's data says about a control: its images, and labels that come with the task."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from backend.errors import BackendError
from backend.images.errors import ImageAddressError
from backend.label_studio.label_config import UNNAMED_FIELD, Target
from backend.label_studio.label_declarations import declared_in_task, read_labels


class TaskLabelsError(BackendError):
    """A task without the labels that its control expects from it."""


def image_field(data: Mapping[str, Any], target: Target) -> object:
    """Return what a task's data holds as a target's image: an address, or a list of them.

    Raises `ImageAddressError` when the field is missing and no other can be meant.
    """
    if "://" in target.data_key:
        # The configuration names one image for all tasks.
        return target.data_key
    for key in (target.data_key, UNNAMED_FIELD):
        if key in data:
            return data[key]
    texts = [value for value in data.values() if isinstance(value, str)]
    if len(texts) == 1 and not target.is_list:
        return texts[0]
    raise ImageAddressError(
        f"the task has no field {target.data_key!r} (it has: {', '.join(sorted(map(str, data))) or 'none'})"
    )


def image_addresses(data: Mapping[str, Any], target: Target) -> list[tuple[int | None, str]]:
    """Return the addresses of a target's images, each with its place in a list of images (None outside one).

    Raises `ImageAddressError` for a field that is missing or holds no address.
    """
    value = image_field(data, target)
    addresses = []
    for address in value if target.is_list and isinstance(value, list) else [value]:
        if not isinstance(address, str) or not address.strip():
            kind = type(address).__name__
            raise ImageAddressError(f"the field {target.data_key!r} holds no image's address but {kind}")
        addresses.append(address)
    if target.is_list:
        return list(enumerate(addresses))
    return [(None, address) for address in addresses]


def first_addresses(task: Mapping[str, Any], targets: Iterable[Target]) -> list[str]:
    """Return the address of every target's first image, each once, without what is missing."""
    data = task.get("data")
    if not isinstance(data, Mapping):
        return []
    addresses: dict[str, None] = {}
    for target in targets:
        # Whoever paints the task raises the same error where it counts.
        with contextlib.suppress(ImageAddressError):
            addresses |= dict.fromkeys(address for _, address in image_addresses(data, target)[:1])
    return list(addresses)


def with_task_labels(target: Target, data: Mapping[str, Any]) -> Target:
    """Return a target with the labels that the task brings along, beside those of the configuration.

    Raises `TaskLabelsError` when there are none at all.
    """
    if target.labels_field is None:
        return target
    declared = declared_in_task(data.get(target.labels_field)) or []
    found, _ = read_labels(declared, target.options, target.where)
    known = {label.name for label in target.labels}
    labels = target.labels + tuple(label for label in found if label.name not in known)
    if not labels:
        raise TaskLabelsError(
            f"{target.where} takes its labels from the task's field {target.labels_field!r}, which holds "
            'none: it must be a list such as [{"value": "Car"}]'
        )
    return replace(target, labels=labels)
