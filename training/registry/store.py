"""Where versions are kept: what a `ModelRegistry` needs of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from training.registry.aliases import Aliases


class VersionStore(Protocol):
    """Keeps versions and the file of aliases.

    With shared storage every method may raise `StorageAwayError`, except where it says otherwise.
    """

    @property
    def folder(self) -> Path:
        """The folder of this machine in which versions are put together."""

    def numbers(self) -> list[int]:
        """Return the numbers of the versions that are there, ascending."""

    def given_numbers(self) -> list[int]:
        """Return every number that was ever given to a version, ascending."""

    def described(self, number: int) -> Path:
        """Return a folder of this machine with the manifest of a version; its model may be missing.

        Raises `UnknownVersionError`.
        """

    def verified(self, number: int) -> Path:
        """Return a folder of this machine with a version whose every byte is as published.

        Raises `UnknownVersionError` or `DamagedVersionError`.
        """

    def add(self, finished: Path, *, still_valid: Callable[[], None]) -> int:
        """Take over a finished folder as a new version, whole or not at all, and return its number.

        Raises whatever `still_valid` raises; it is asked before the version appears.
        """

    def put_aside(self, number: int) -> str:
        """Take a damaged version out of service without deleting it; returns where it is then."""

    def remove(self, number: int) -> None:
        """Delete a version."""

    def aliases(self) -> Aliases:
        """Return the aliases of now; of a storage that does not answer, those known last."""

    def change_aliases(self, change: Callable[[Aliases], Aliases]) -> Aliases:
        """Replace the aliases by what a pure function makes of them, in one step."""
