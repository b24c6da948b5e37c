"""Versions in a folder of this machine, or of a network file system that it mounts.

versions/0007/manifest.json, manifest.sha256, model/…    never changed once published
numbers/0007                                             numbers that were given away, never used again
aliases.json                                             champion and previous
quarantine/0005-1795425884                               versions whose files were damaged
staging/                                                 versions that are being written
"""

import contextlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.registry.aliases import ALIASES_FILE, Aliases, read_aliases, write_aliases
from training.registry.durable import sync_folder
from training.registry.errors import UnknownVersionError
from training.registry.manifest import read_manifest, verify_files
from training.storage.local_files import LocalFiles


@dataclass(frozen=True, slots=True)
class FolderVersions:
    """Implements `training.registry.store.VersionStore`; safe to use from many processes.

    Args:
        folder: made when something is published.

    """

    folder: Path

    def numbers(self) -> list[int]:
        """Return the numbers of the versions that are there, ascending."""
        return _numbers_in(self.folder / "versions")

    def given_numbers(self) -> list[int]:
        """Return every number that was ever given to a version, ascending."""
        return _numbers_in(self.folder / "numbers")

    def described(self, number: int) -> Path:
        """Return the version's folder; raises `UnknownVersionError`."""
        folder = self._version(number)
        if not folder.is_dir():
            raise UnknownVersionError.among(number, self.numbers())
        return folder

    def verified(self, number: int) -> Path:
        """Read every byte; raises `UnknownVersionError` or `DamagedVersionError`."""
        folder = self.described(number)
        verify_files(folder, read_manifest(folder)[1])
        return folder

    def add(self, finished: Path, *, still_valid: Callable[[], None]) -> int:
        """Give a finished folder its place by one rename, and return its number."""
        versions = self.folder / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        still_valid()
        number = self._take_number()
        finished.rename(self._version(number))
        sync_folder(versions)
        return number

    def put_aside(self, number: int) -> str:
        """Move a damaged version into the quarantine."""
        quarantine = self.folder / "quarantine"
        quarantine.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self._version(number).rename(quarantine / f"{number:04d}-{time.time_ns()}")
        return str(quarantine)

    def remove(self, number: int) -> None:
        """Delete a version."""
        shutil.rmtree(self._version(number))

    def aliases(self) -> Aliases:
        """Return the aliases of now."""
        return read_aliases(LocalFiles(self.folder).read(ALIASES_FILE))

    def change_aliases(self, change: Callable[[Aliases], Aliases]) -> Aliases:
        """Replace the aliases in one step; the old ones stay when the disk is full."""
        files = LocalFiles(self.folder)
        return read_aliases(files.update(ALIASES_FILE, lambda old: write_aliases(change(read_aliases(old)))))

    def _version(self, number: int) -> Path:
        return self.folder / "versions" / f"{number:04d}"

    def _take_number(self) -> int:
        """Claim the next number by making its folder, which succeeds for one process only."""
        numbers = self.folder / "numbers"
        numbers.mkdir(exist_ok=True)
        number = max(self.given_numbers(), default=0)
        while True:
            number += 1
            with contextlib.suppress(FileExistsError):
                (numbers / f"{number:04d}").mkdir()
                return number


def _numbers_in(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())
