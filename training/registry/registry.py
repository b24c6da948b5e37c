"""The versions of one project's model: published, checked, named, wherever they are kept."""

import errno
import logging
import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from training.errors import DiskFullError
from training.registry.aliases import Aliases
from training.registry.durable import sync_tree
from training.registry.errors import DamagedVersionError, UnknownVersionError
from training.registry.manifest import MODEL_FOLDER, VersionFacts, read_manifest, write_manifest
from training.registry.store import VersionStore

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Version:
    """One published version.

    Attributes:
        number: rises by one, never used again.
        folder: where it lies on this machine.
        facts: what its training told.

    """

    number: int
    folder: Path
    facts: VersionFacts

    @property
    def model_folder(self) -> Path:
        """The checkpoint that `zegclip_core` loads; with shared storage it is there once verified."""
        return self.folder / MODEL_FOLDER


class ModelRegistry:
    """Publishes, checks and names versions; safe to use from many processes.

    Args:
        store: keeps the project's versions.

    With shared storage every method may raise `StorageAwayError`, but not `aliases`, nor `verified` and
    `champion` for a version that this machine has a sound copy of.

    """

    def __init__(self, *, store: VersionStore) -> None:
        self._store = store

    @property
    def aliases(self) -> Aliases:
        """Champion and previous, as of now."""
        return self._store.aliases()

    def numbers(self) -> list[int]:
        """Numbers of the versions that are there, ascending."""
        return self._store.numbers()

    def given_numbers(self) -> list[int]:
        """Every number that was ever given to a version, ascending."""
        return self._store.given_numbers()

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
        folder = self._store.described(number)
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
        folder = self._store.folder
        staging = folder / "staging" / uuid.uuid4().hex
        try:
            shutil.copytree(model, staging / MODEL_FOLDER)
            write_manifest(staging, facts)
            sync_tree(staging)
            number = self._store.add(staging, still_valid=still_valid)
        except (OSError, shutil.Error) as error:
            if _no_space(error):
                raise DiskFullError(
                    f"no room for a new version below {folder}: make room and train again; "
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
        self._store.change_aliases(lambda aliases: aliases.with_champion(number, why))
        return version

    def rollback(self, *, why: str) -> int | None:
        """Put the previous version, or the base model, back into service and return its number."""
        target = self.aliases.previous
        if target is not None:
            self.verified(target)
        self._store.change_aliases(lambda aliases: aliases.with_champion(target, why))
        return target

    def verified(self, number: int) -> Version:
        """Return a version whose every byte is as published; a damaged one is put aside.

        Raises `UnknownVersionError` or `DamagedVersionError`.
        """
        try:
            folder = self._store.verified(number)
            return Version(number, folder, read_manifest(folder)[0])
        except DamagedVersionError as error:
            place = self._store.put_aside(number)
            raise DamagedVersionError(
                f"version {number} is damaged and was put into {place}: {error}"
            ) from error

    def champion(self) -> Version | None:
        """Return the verified version that serves, or None for the base model.

        A damaged champion is put aside and the previous version takes over, or else the base model.
        """
        for _ in range(2):
            number = self.aliases.champion
            if number is None:
                return None
            try:
                return self.verified(number)
            except (DamagedVersionError, UnknownVersionError) as error:
                _log.error("champion %d cannot serve: %s", number, error)
                self._store.change_aliases(partial(Aliases.without, damaged=number, why=str(error)))
        return None

    def prune(self, *, keep: int) -> list[int]:
        """Delete all but champion, previous and the newest `keep` versions; return the deleted numbers."""
        aliases, numbers = self.aliases, self.numbers()
        kept = {aliases.champion, aliases.previous, *(numbers[-keep:] if keep else ())}
        old = [number for number in numbers if number not in kept]
        for number in old:
            self._store.remove(number)
        return old


def _no_space(error: OSError) -> bool:
    """Whether the disk is full; `copytree` gathers the errors of single files in text form."""
    codes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return error.errno in codes or any(os.strerror(code) in str(error) for code in codes)
