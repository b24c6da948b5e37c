"""Versions in an object store that machines share, with verified copies on this machine.

versions/0007/model/…, manifest.json    never changed once published
versions/0007/manifest.sha256           written last: a version without it does not exist
numbers/0007                            made by whoever takes the number; it can be made once only
aliases.json                            champion and previous
quarantine/0005-1795425884/…            versions whose objects were damaged

The copies have the same layout, in a folder that may be deleted at any time.
"""

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from training.registry.aliases import ALIASES_FILE, Aliases, read_aliases, write_aliases
from training.registry.errors import DamagedVersionError, UnknownVersionError
from training.registry.manifest import (
    DIGEST_FILE,
    MANIFEST_FILE,
    MODEL_FOLDER,
    file_digest,
    read_manifest,
    verify_files,
)
from training.storage.bucket import Bucket
from training.storage.errors import (
    ChangedObjectError,
    DamagedObjectError,
    MissingObjectError,
    StorageAwayError,
    StorageError,
)
from training.storage.mirrored_files import MirroredFiles
from zegclip_core.atomic_files import write_atomically

_log = logging.getLogger(__name__)
# A byte may be damaged on its way: only what is wrong twice is wrong in the store.
_TRIES = 2


@dataclass(frozen=True, slots=True)
class BucketVersions:
    """Implements `training.registry.store.VersionStore`; safe to use from many machines.

    Args:
        bucket: where the versions are.
        folder: for the copies of this machine.

    """

    bucket: Bucket
    folder: Path

    def numbers(self) -> list[int]:
        """Return the numbers of the versions that are there, ascending."""
        paths = [name.split("/") for name in self.bucket.names("versions")]
        return sorted(int(path[1]) for path in paths if path[2:] == [DIGEST_FILE])

    def given_numbers(self) -> list[int]:
        """Return every number that was ever given to a version, ascending."""
        return sorted(int(name.partition("/")[2]) for name in self.bucket.names("numbers"))

    def described(self, number: int) -> Path:
        """Return this machine's copy with its manifest, fetched when it is missing or damaged.

        Without a copy raises `UnknownVersionError`, or `DamagedVersionError` for a damaged object.
        """
        copy = self._copy(number)
        if not _has_manifest(copy):
            with self._copies_lock():
                for _ in range(_TRIES):
                    if not _has_manifest(copy):
                        shutil.rmtree(copy, ignore_errors=True)
                        self._fetch_manifest(number)
                read_manifest(copy)
        return copy

    def verified(self, number: int) -> Path:
        """Return this machine's copy after reading every byte; what is missing or wrong is fetched again.

        A sound copy needs no answer of the store. Raises `UnknownVersionError`, or `DamagedVersionError` when
        objects of the store are missing or not what was published.
        """
        copy = self.described(number)
        files = read_manifest(copy)[1]
        try:
            verify_files(copy, files)
        except DamagedVersionError as error:
            _log.info("version %d is fetched: %s", number, error)
            with self._copies_lock():
                self._fetch_model(number, files)
                verify_files(copy, files)
                self._forget_old_copies()
        return copy

    def add(self, finished: Path, *, still_valid: Callable[[], None]) -> int:
        """Upload a finished folder, its last object when all others are there, and keep it as a copy."""
        still_valid()
        number = self._take_number()
        copy = self._copy(number)
        copy.parent.mkdir(parents=True, exist_ok=True)
        finished.rename(copy)
        try:
            for path in copy.rglob("*"):
                if path.is_file() and path.name != DIGEST_FILE:
                    self.bucket.upload(path, _object(number, path.relative_to(copy).as_posix()))
            still_valid()
            self.bucket.upload(copy / DIGEST_FILE, _object(number, DIGEST_FILE))
        except BaseException:
            # What was uploaded is no version, and its number is never used again.
            shutil.rmtree(copy, ignore_errors=True)
            raise
        return number

    def put_aside(self, number: int) -> str:
        """Move a damaged version's objects into the quarantine, and forget the copy."""
        target = f"quarantine/{number:04d}-{time.time_ns()}"
        names = sorted(self.bucket.names(f"versions/{number:04d}"), key=lambda name: DIGEST_FILE not in name)
        for name in names:
            try:
                self.bucket.move(name, f"{target}/{name.split('/', 2)[2]}")
            except MissingObjectError:
                _log.info("%s is put aside by another machine", name)
        shutil.rmtree(self._copy(number), ignore_errors=True)
        return f"{self.bucket.address}/{target}"

    def remove(self, number: int) -> None:
        """Delete a version, first the object that makes it one."""
        names = self.bucket.names(f"versions/{number:04d}")
        self.bucket.delete(sorted(names, key=lambda name: DIGEST_FILE not in name))
        shutil.rmtree(self._copy(number), ignore_errors=True)

    def aliases(self) -> Aliases:
        """Return the aliases of now; of a store that does not answer, those that this machine knew last."""
        known = self.folder / ALIASES_FILE
        if not self.bucket.recently_away:
            try:
                content = self.bucket.read(ALIASES_FILE)
            except MissingObjectError:
                return Aliases()
            except StorageAwayError as error:
                _log.warning("the versions known last stay in service: %s", error)
            else:
                if not known.exists() or known.read_bytes() != content:
                    write_atomically(known, content)
                return read_aliases(content)
        return read_aliases(known.read_bytes() if known.exists() else None)

    def change_aliases(self, change: Callable[[Aliases], Aliases]) -> Aliases:
        """Replace the aliases in one step: an object that somebody else wrote meanwhile is read again."""
        files = MirroredFiles(self.bucket, self.folder)
        return read_aliases(files.update(ALIASES_FILE, lambda old: write_aliases(change(read_aliases(old)))))

    def _copies_lock(self) -> FileLock:
        """One process of this machine at a time brings the copies up to date."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / "copies.lock")

    def _fetch_manifest(self, number: int) -> None:
        try:
            contents = [self.bucket.read(_object(number, name)) for name in (DIGEST_FILE, MANIFEST_FILE)]
        except MissingObjectError:
            numbers = self.numbers()
            if number in numbers:
                raise DamagedVersionError(
                    f"{self.bucket.address}/versions/{number:04d} has no manifest"
                ) from None
            raise UnknownVersionError.among(number, numbers) from None
        for name, content in zip((DIGEST_FILE, MANIFEST_FILE), contents, strict=True):
            write_atomically(self._copy(number) / name, content)

    def _fetch_model(self, number: int, files: dict[str, str]) -> None:
        """Bring every file of the copy to what the manifest says; others are deleted."""
        model = self._copy(number) / MODEL_FOLDER
        for path in [path for path in model.rglob("*") if path.is_file()]:
            if files.get(path.relative_to(model).as_posix()) != file_digest(path):
                path.unlink()
        for name, digest in files.items():
            if not (model / name).exists():
                self._fetch(_object(number, f"{MODEL_FOLDER}/{name}"), model / name, digest)

    def _fetch(self, name: str, path: Path, digest: str) -> None:
        failure: StorageError | None = None
        for _ in range(_TRIES):
            try:
                self.bucket.download(name, path, sha256=digest)
            except (DamagedObjectError, MissingObjectError) as error:
                failure = error
            else:
                return
        raise DamagedVersionError(str(failure)) from failure

    def _forget_old_copies(self) -> None:
        there = set(self.numbers())
        for path in (self.folder / "versions").iterdir():
            if path.name.isdigit() and int(path.name) not in there:
                shutil.rmtree(path, ignore_errors=True)

    def _copy(self, number: int) -> Path:
        return self.folder / "versions" / f"{number:04d}"

    def _take_number(self) -> int:
        """Claim the next number by making its object, which succeeds for one machine only."""
        number = max(self.given_numbers(), default=0)
        while True:
            number += 1
            try:
                self.bucket.create(f"numbers/{number:04d}", b"taken")
            except ChangedObjectError:
                continue
            return number


def _has_manifest(copy: Path) -> bool:
    try:
        read_manifest(copy)
    except DamagedVersionError:
        return False
    return True


def _object(number: int, name: str) -> str:
    return f"versions/{number:04d}/{name}"
