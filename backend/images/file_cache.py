"""Downloaded files on disk, with a cap: whole files only, the ones unused longest go first."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path


class FileCache:
    """A folder of files named by the digest of their key; safe for many processes.

    Args:
        folder: where the files lie; made when missing.
        max_bytes: the cap; 0 switches the cache off.

    """

    def __init__(self, *, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes

    def get(self, key: str) -> bytes | None:
        """Return a stored file and mark it as used, or None."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data

    def put(self, key: str, data: bytes) -> None:
        """Store a file; one that does not fit, or a full disk, leaves the cache as it was."""
        if len(data) > self.max_bytes:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._make_room(len(data))
            handle, temporary = tempfile.mkstemp(dir=self.folder, suffix=".tmp")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(temporary).replace(self._path(key))
            finally:
                Path(temporary).unlink(missing_ok=True)
        except OSError:
            # The image itself is at hand: a cache that cannot be written only costs the next download.
            return

    def _make_room(self, needed: int) -> None:
        files = []
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total + needed <= self.max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size

    def _path(self, key: str) -> Path:
        return self.folder / hashlib.sha256(key.encode()).hexdigest()
