"""Which version serves: one small file, replaced as a whole."""

import json
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

_LONGEST_HISTORY = 100
ALIASES_FILE = "aliases.json"


@dataclass(frozen=True, slots=True)
class Aliases:
    """Names of versions.

    Attributes:
        champion: the version in service; None means the base model.
        previous: the version in service before it.
        history: what was put into service when and why, the newest last.

    """

    champion: int | None = None
    previous: int | None = None
    history: tuple[dict[str, Any], ...] = ()

    def with_champion(self, number: int | None, why: str) -> "Aliases":
        """Put a version into service; the one before stays at hand as `previous`."""
        entry = {"at": time.time(), "champion": number, "why": why}
        history = (*self.history, entry)[-_LONGEST_HISTORY:]
        if number == self.champion:
            return replace(self, history=history)
        return Aliases(number, self.champion, history)

    def without(self, damaged: int, why: str) -> "Aliases":
        """Put the previous version, or the base model, in the place of a damaged champion."""
        if self.champion != damaged:
            return self
        return Aliases(self.previous, None, self.history).with_champion(self.previous, why)


def read_aliases(content: bytes | None) -> Aliases:
    """Read the file; without one the base model serves."""
    if content is None:
        return Aliases()
    document = json.loads(content)
    return Aliases(document["champion"], document["previous"], tuple(document["history"]))


def write_aliases(aliases: Aliases) -> bytes:
    """Return the file's content."""
    return (json.dumps(asdict(aliases), indent=1) + "\n").encode()
