"""The versions of one project's model.

versions/0007/manifest.json, manifest.sha256, model/…    never changed once published
numbers/0007                                             numbers that were given away, never used again
aliases.json                                             champion and previous
quarantine/0005-1795425884                               versions whose files were damaged
staging/                                                 versions that are being written
"""

import contextlib
import errno
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from training.errors import DiskFullError
from training.registry.aliases import Aliases, read_aliases, write_aliases
from training.registry.errors import DamagedVersionError, UnknownVersionError
from training.registry.manifest import MODEL_FOLDER, VersionFacts, read_manifest, verify_files, write_manifest

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Version:
    """One published version.

    Attributes:
        number: rises by one, never used again.
        folder: where it lies.
        facts: what its training told.

    """

    number: int
    folder: Path
    facts: VersionFacts

    @property
    def model_folder(self) -> Path:
        """The checkpoint that `zegclip_core` loads."""
        return self.folder / MODEL_FOLDER


class ModelRegistry:
    """Publishes, checks and names versions; safe to use from many processes.

    Args:
        root: the project's folder; made when something is published.

    """

    def __init__(self, *, root: Path) -> None:
        self.root = root
        self._versions = root / "versions"
        self._aliases = root / "aliases.json"

    @property
    def aliases(self) -> Aliases:
        """Champion and previous, as of now."""
        return read_aliases(self._aliases)

    def numbers(self) -> list[int]:
        """Numbers of the versions that are there, ascending."""
        if not self._versions.is_dir():
            return []
        return sorted(int(path.name) for path in self._versions.iterdir() if path.name.isdigit())

    def given_numbers(self) -> list[int]:
        """Every number that was ever given to a version, ascending."""
        folder = self.root / "numbers"
        return sorted(int(path.name) for path in folder.iterdir()) if folder.is_dir() else []

    def versions(self) -> list[Version]:
        """Every version whose manifest is sound, ascending; damaged ones are logged and left out."""
        found = []
        for number in self.numbers():
            try:
                found.append(self.find(number))
            except DamagedVersionError as error:
                _log.warning("version %d: %s", number, error)
        return found

    def find(self, number: int) -> Version:
        """Return a version without reading its model.

        Raises `UnknownVersionError`, or `DamagedVersionError` for a manifest that was altered.
        """
        folder = self._folder(number)
        if not folder.is_dir():
            there = ", ".join(map(str, self.numbers())) or "none yet"
            raise UnknownVersionError(f"there is no version {number}: choose one of {there}")
        return Version(number, folder, read_manifest(folder)[0])

    def find_run(self, run: str) -> Version | None:
        """Return the version that a training has published already, or None."""
        return next((version for version in reversed(self.versions()) if version.facts.run == run), None)

    def publish(self, model: Path, facts: VersionFacts, *, still_valid: Callable[[], None]) -> Version:
        """Copy a model folder into a new version, whole or not at all; the champion stays what it was.

        Args:
            model: the checkpoint folder.
            facts: what goes into the manifest.
            still_valid: asked before the version appears; raises when it must not.

        Raises `DiskFullError` and whatever `still_valid` raises; nothing is left behind then.

        """
        known = self.find_run(facts.run)
        if known is not None:
            return known
        staging = self.root / "staging" / uuid.uuid4().hex
        try:
            shutil.copytree(model, staging / MODEL_FOLDER)
            write_manifest(staging, facts)
            _sync(staging)
            self._versions.mkdir(parents=True, exist_ok=True)
            still_valid()
            number = self._take_number()
            staging.rename(self._folder(number))
            _sync_folder(self._versions)
        except (OSError, shutil.Error) as error:
            if _no_space(error):
                raise DiskFullError(
                    f"no room for a new version below {self.root}: make room and train again; "
                    "the version in service is untouched"
                ) from error
            raise
        finally:
            shutil.rmtree(staging, ignore_errors=True)
        return self.find(number)

    def promote(self, number: int, *, why: str) -> Version:
        """Put a version into service after reading every byte of it.

        Raises `UnknownVersionError` or `DamagedVersionError`; the champion stays what it was then.
        """
        version = self.verified(number)
        write_aliases(self._aliases, self.aliases.with_champion(number, why))
        return version

    def rollback(self, *, why: str) -> int | None:
        """Put the previous version, or the base model, back into service and return its number."""
        aliases = self.aliases
        target = aliases.previous
        if target is not None:
            self.verified(target)
        write_aliases(self._aliases, aliases.with_champion(target, why))
        return target

    def verified(self, number: int) -> Version:
        """Return a version whose every byte is as published; a damaged one is put aside.

        Raises `UnknownVersionError` or `DamagedVersionError`.
        """
        version_folder = self._folder(number)
        try:
            version = self.find(number)
            verify_files(version_folder, read_manifest(version_folder)[1])
        except DamagedVersionError as error:
            self._put_aside(number)
            raise DamagedVersionError(
                f"version {number} is damaged and was put into {self.root / 'quarantine'}: {error}"
            ) from error
        return version

    def champion(self) -> Version | None:
        """Return the verified version that serves, or None for the base model.

        A damaged champion is put aside and the previous version takes over, or else the base model.
        """
        for _ in range(2):
            aliases = self.aliases
            if aliases.champion is None:
                return None
            try:
                return self.verified(aliases.champion)
            except (DamagedVersionError, UnknownVersionError) as error:
                _log.error("champion %d cannot serve: %s", aliases.champion, error)
                fallback = Aliases(aliases.previous, None, aliases.history)
                write_aliases(self._aliases, fallback.with_champion(fallback.champion, str(error)))
        return None

    def prune(self, *, keep: int) -> list[int]:
        """Delete all but champion, previous and the newest `keep` versions; return the deleted numbers."""
        aliases = self.aliases
        kept = {aliases.champion, aliases.previous, *(self.numbers()[-keep:] if keep else ())}
        old = [number for number in self.numbers() if number not in kept]
        for number in old:
            shutil.rmtree(self._folder(number))
        return old

    def _folder(self, number: int) -> Path:
        return self._versions / f"{number:04d}"

    def _take_number(self) -> int:
        """Claim the next number by making its folder, which succeeds for one process only."""
        numbers = self.root / "numbers"
        numbers.mkdir(exist_ok=True)
        number = max(self.given_numbers(), default=0)
        while True:
            number += 1
            with contextlib.suppress(FileExistsError):
                (numbers / f"{number:04d}").mkdir()
                return number

    def _put_aside(self, number: int) -> None:
        quarantine = self.root / "quarantine"
        quarantine.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self._folder(number).rename(quarantine / f"{number:04d}-{time.time_ns()}")


def _no_space(error: OSError) -> bool:
    """Whether the disk is full; `copytree` gathers the errors of single files in text form."""
    codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return error.errno in codes or any(os.strerror(code) in str(error) for code in codes)


def _sync(folder: Path) -> None:
    """Make files and folders durable."""
    for path in [folder, *folder.rglob("*")]:
        _sync_folder(path)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
