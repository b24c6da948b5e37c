"""Files in an object store, with copies on this machine of what has been read."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from training.storage.bucket import Bucket
from training.storage.errors import ChangedObjectError, DamagedObjectError, MissingObjectError
from training.storage.local_files import LocalFiles
from zegclip_core.atomic_files import write_atomically

_log = logging.getLogger(__name__)
_REVISIONS_FILE = "revisions.json"
_TRIES = 2


@dataclass(frozen=True, slots=True)
class MirroredFiles:
    """Implements `training.storage.files.Files` in an object store.

    Args:
        bucket: where the files are.
        folder: for the copies of this machine; may be deleted at any time.

    """

    bucket: Bucket
    folder: Path

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None when there is none."""
        try:
            return self.bucket.read(name)
        except MissingObjectError:
            return None

    def read_all(self, folder: str) -> dict[str, bytes]:
        """Return the content of every file right in a folder, by name; only what changed is fetched."""
        there = {name: one for name, one in self.bucket.names(folder).items() if _parent(name) == folder}
        copies = LocalFiles(self.folder)
        known = self._revisions(folder)
        contents = {name: copies.read(name) for name in there if known.get(name) == there[name]}
        kept = {name: content for name, content in contents.items() if content is not None}
        fetched = self.bucket.read_many(name for name in there if name not in kept)
        for name, content in fetched.items():
            copies.write(name, content)
        for name in known.keys() - there.keys():
            copies.delete(name)
        everything = kept | fetched
        current = {name: revision for name, revision in there.items() if name in everything}
        if current != known:
            write_atomically(self._revisions_path(folder), json.dumps(current).encode())
        return dict(sorted(everything.items()))

    def names(self, folder: str) -> list[str]:
        """Return the names of all files below a folder."""
        return list(self.bucket.names(folder))

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""
        self.bucket.write(name, content)

    def write_once(self, name: str, content: bytes) -> None:
        """Write a file whose name tells its content, unless it is there; this machine keeps a copy."""
        if self.bucket.revision(name) is None:
            self.bucket.write(name, content)
        LocalFiles(self.folder).write_once(name, content)

    def update(self, name: str, change: Callable[[bytes | None], bytes]) -> bytes:
        """Replace a file by what a pure function makes of it; nobody else's update is lost."""
        while True:
            # The revision first: a content that is newer than it is refused, not lost.
            revision = self.bucket.revision(name)
            content = change(None if revision is None else self.read(name))
            try:
                self.bucket.replace(name, content, expected=revision)
            except ChangedObjectError:
                _log.info("%s/%s changed meanwhile: once more", self.bucket.address, name)
                continue
            return content

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        self.bucket.delete([name])

    def path(self, name: str) -> Path:
        """Return this machine's copy of a file of `write_once`, fetched when it is not there or damaged.

        An object that is missing, or that differs from its name every time, leaves no copy.
        """
        copy = self.folder / name
        if copy.exists():
            if hashlib.sha256(copy.read_bytes()).hexdigest() == copy.stem:
                return copy
            copy.unlink()
        for _ in range(_TRIES):
            try:
                self.bucket.download(name, copy, sha256=copy.stem)
            except (MissingObjectError, DamagedObjectError) as error:
                _log.warning("%s", error)
            else:
                break
        return copy

    def _revisions_path(self, folder: str) -> Path:
        return self.folder / f"{folder}.{_REVISIONS_FILE}"

    def _revisions(self, folder: str) -> dict[str, str]:
        try:
            known: dict[str, str] = json.loads(self._revisions_path(folder).read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return known


def _parent(name: str) -> str:
    return PurePosixPath(name).parent.as_posix()
