"""Names of images from their files: safe as paths, each once."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_UNSAFE = re.compile(r"[^\w.\-/ ]+")


def unique_names(files: Iterable[str]) -> list[str]:
    """Return each file's path without suffix and without steps upwards, numbered where it repeats."""
    taken: set[str] = set()
    names = []
    for file in files:
        parts = [part for part in PurePosixPath(_UNSAFE.sub("_", file)).parts if part not in ("/", "..", ".")]
        stem = PurePosixPath(*parts).with_suffix("").as_posix() if parts else "image"
        name, number = stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.lower())
        names.append(name)
    return names
