"""Files by name, wherever they are kept; names have slashes."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol


class Files(Protocol):
    """What a project's samples and state are kept in.

    With shared storage every method may raise `StorageAwayError`.
    """

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None when there is none."""

    def read_all(self, folder: str) -> dict[str, bytes]:
        """Return the content of every file right in a folder, by name."""

    def names(self, folder: str) -> list[str]:
        """Return the names of all files below a folder."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""

    def write_once(self, name: str, content: bytes) -> None:
        """Write a file whose name tells its content (its SHA-256 before the suffix), unless it is there."""

    def update(self, name: str, change: Callable[[bytes | None], bytes]) -> bytes:
        """Replace a file by what a pure function makes of it; nobody else's update is lost."""

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""

    def path(self, name: str) -> Path:
        """Return where a file of `write_once` lies on this machine; it may be missing there."""
