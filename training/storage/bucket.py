"""Objects below one address of an object store (`s3://`, `gs://`, …), read and written whole."""

import contextlib
import errno
import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from training.storage.errors import (
    ChangedObjectError,
    DamagedObjectError,
    MissingObjectError,
    StorageAddressError,
    StorageAwayError,
    StorageError,
)

# Who waits for an answer should soon go on with what it has.
_CLIENT_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {"config_kwargs": {"connect_timeout": 2, "read_timeout": 20, "retries": {"max_attempts": 2}}},
}
_SECONDS_BETWEEN_TRIES = 5.0
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What object stores and fsspec's own file systems call the thing that changes with an object's content.
_REVISIONS = ("ETag", "etag", "generation", "mtime", "created")


@dataclass(slots=True)
class _Health:
    """When the store last failed to answer; shared by everything below one address."""

    failed_at: float | None = None


@dataclass(frozen=True)
class Bucket:
    """An address of an object store; what is below it has names with slashes.

    Safe to use from several threads. The connection is opened at the first use, by each process its own.

    Args:
        address: such as `s3://bucket/prefix`.

    Every method raises `StorageAwayError` when the store does not answer, and `StorageAddressError`.

    """

    address: str
    _health: _Health = field(default_factory=_Health, repr=False, compare=False)

    def below(self, *names: str) -> "Bucket":
        """Return the address of a folder below this one."""
        return Bucket("/".join((self.address.rstrip("/"), *names)), self._health)

    @property
    def recently_away(self) -> bool:
        """Whether the store failed to answer a moment ago, so that asking again would only cost time."""
        failed = self._health.failed_at
        return failed is not None and time.monotonic() - failed < _SECONDS_BETWEEN_TRIES

    def read(self, name: str) -> bytes:
        """Return an object; raises `MissingObjectError`."""
        with self._errors(name):
            return bytes(self._files.cat_file(self._path(name)))

    def read_many(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the objects that exist, by name; many at once where the store can."""
        paths = {self._path(name): name for name in names}
        if not paths:
            return {}
        with self._errors(self.address):
            found: Mapping[str, bytes] = self._files.cat(list(paths), recursive=False, on_error="omit")
        return {paths[path]: bytes(content) for path, content in found.items()}

    def revision(self, name: str) -> str | None:
        """Return what changes whenever an object does; None when there is none."""
        try:
            with self._errors(name):
                return _revision(self._files.info(self._path(name)))
        except MissingObjectError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write an object, whatever was there."""
        with self._errors(name):
            self._files.pipe_file(self._path(name), content)

    def create(self, name: str, content: bytes) -> None:
        """Write an object that must not exist yet; raises `ChangedObjectError` when it does."""
        with self._errors(name):
            self._files.pipe_file(self._path(name), content, mode="create")

    def replace(self, name: str, content: bytes, *, expected: str | None) -> None:
        """Write an object if its revision is still the expected one; raises `ChangedObjectError`.

        S3 decides that itself (`If-Match`); elsewhere it is asked right before, which leaves a short gap.
        """
        if expected is None:
            self.create(name, content)
            return
        condition = {}
        if self._is_s3:
            condition = {"IfMatch": expected}
        elif self.revision(name) != expected:
            raise ChangedObjectError(f"{self.address}/{name} was written by somebody else")
        with self._errors(name):
            self._files.pipe_file(self._path(name), content, **condition)

    def names(self, folder: str = "") -> dict[str, str]:
        """Return the names of all objects below a folder with their revisions."""
        root = self._path(folder).rstrip("/")
        with self._errors(folder):
            found = self._files.find(root, detail=True)
        own = len(self._path("").rstrip("/")) + 1
        return {path[own:]: _revision(info) for path, info in sorted(found.items())}

    def folders(self) -> list[str]:
        """Return the names of the folders right below this address."""
        try:
            with self._errors(self.address):
                entries = self._files.ls(self._path("").rstrip("/"), detail=True)
        except MissingObjectError:
            return []
        return sorted(Path(one["name"]).name for one in entries if one["type"] == "directory")

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; those that are gone already count as deleted."""
        for name in names:
            with contextlib.suppress(MissingObjectError), self._errors(name):
                self._files.rm_file(self._path(name))

    def move(self, name: str, target: str) -> None:
        """Give an object another name; raises `MissingObjectError`."""
        with self._errors(name):
            self._files.cp_file(self._path(name), self._path(target))
        self.delete([name])

    def upload(self, path: Path, name: str) -> None:
        """Copy a file into the store."""
        with self._errors(name):
            self._files.put_file(str(path), self._path(name))

    def download(self, name: str, path: Path, *, sha256: str) -> None:
        """Copy an object into a file that appears only when every byte of it is right.

        Raises `MissingObjectError`, `DamagedObjectError`, `OSError` for this machine's disk.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary_name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        os.close(descriptor)
        temporary = Path(temporary_name)
        try:
            with self._errors(name):
                self._files.get_file(self._path(name), temporary_name)
            with temporary.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256:
                raise DamagedObjectError(
                    f"{self.address}/{name} has SHA-256 {found[:12]}…, published was {sha256[:12]}…"
                )
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        import fsspec

        protocol = self.address.partition("://")[0]
        options = _CLIENT_OPTIONS.get(protocol, {})
        try:
            files, path = fsspec.url_to_fs(self.address, use_listings_cache=False, **options)
        except (ImportError, ValueError) as error:
            raise StorageAddressError(
                f"{self.address} cannot be opened ({error}): s3:// needs "
                "`pip install 'zegclip-label-studio[cloud]'`, gs:// needs `pip install gcsfs`"
            ) from error
        return files, str(path)

    @property
    def _files(self) -> Any:
        return self._opened[0]

    def _path(self, name: str) -> str:
        return f"{self._opened[1].rstrip('/')}/{name}"

    @property
    def _is_s3(self) -> bool:
        return self.address.startswith(("s3://", "s3a://"))

    @contextlib.contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Turn the many errors of the stores' clients into those of this package."""
        try:
            yield
        except (StorageAddressError, DamagedObjectError):
            raise
        except FileNotFoundError as error:
            raise MissingObjectError(f"{self.address} has no {name}") from error
        except FileExistsError as error:
            raise ChangedObjectError(f"{self.address}/{name} was written by somebody else") from error
        except OSError as error:
            if error.errno in _NO_SPACE:
                raise
            raise self._explain(name, error) from error
        except Exception as error:
            # Each store's client has an error tree of its own, without a base that all share.
            raise self._explain(name, error) from error
        self._health.failed_at = None

    def _explain(self, name: str, error: Exception) -> StorageError:
        # s3fs has no type of its own for a condition (`If-Match`) that does not hold.
        if "pre-condition" in str(error):
            return ChangedObjectError(f"{self.address}/{name} was written by somebody else")
        self._health.failed_at = time.monotonic()
        return StorageAwayError(
            f"the storage at {self.address} does not answer ({type(error).__name__}: {error}): check the "
            "address, the network and the credentials"
        )


def _revision(info: Mapping[str, Any]) -> str:
    return str(next((info[key] for key in _REVISIONS if info.get(key)), info.get("size")))
