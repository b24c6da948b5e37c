"""Which version serves: one small file, replaced as a whole."""

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from zegclip_core.atomic_files import write_atomically

_LONGEST_HISTORY = 100


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


def read_aliases(path: Path) -> Aliases:
    """Read the file; without one the base model serves."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Aliases()
    return Aliases(document["champion"], document["previous"], tuple(document["history"]))


def write_aliases(path: Path, aliases: Aliases) -> None:
    """Replace the file in one step. Raises `OSError`; the old file stays then."""
    write_atomically(path, (json.dumps(asdict(aliases), indent=1) + "\n").encode())
