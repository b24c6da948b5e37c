"""Files on disk that could be had again, with a cap: whole ones only, those unused longest go first."""

import contextlib
import hashlib
import logging
import os
import threading
from pathlib import Path

from zegclip_core.atomic_files import write_atomically

_log = logging.getLogger(__name__)
# Looking through a full folder takes as long as painting an image: it is done seldom, and then makes room for
# many files at once. Other processes write to the same folder, so what this one knows of it grows old.
_PUTS_BETWEEN_LOOKS = 200
_SHARE_LEFT_FULL = 0.9


class FileCache:
    """A folder of files named by the digest of their key; safe for many threads and processes.

    Args:
        folder: where the files lie; made when missing.
        max_bytes: the cap; 0 switches the cache off. Several processes may exceed it together by what they
            write between two looks at the folder.

    """

    def __init__(self, *, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._bytes = 0
        self._puts_until_look = 0
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Return a stored file and mark it as used, or None."""
        path = self._path(key)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data

    def __contains__(self, key: str) -> bool:
        """Whether a file is stored now; another process may make room for others at any time."""
        return self._path(key).is_file()

    def put(self, key: str, data: bytes) -> None:
        """Store a file; one that does not fit, or a full disk, leaves the cache as it was."""
        if len(data) > self.max_bytes:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._lock:
                self._make_room(len(data))
            write_atomically(self._path(key), data)
        except OSError as error:
            # The data itself is at hand: a cache that cannot be written only costs getting it again.
            _log.warning("cannot keep a file in %s: %s", self.folder, error)

    def _make_room(self, needed: int) -> None:
        self._puts_until_look -= 1
        if self._puts_until_look < 0 or self._bytes + needed > self.max_bytes:
            self._look(needed)
        self._bytes += needed

    def _look(self, needed: int) -> None:
        files = []
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        self._bytes = sum(size for _, size, _ in files)
        self._puts_until_look = _PUTS_BETWEEN_LOOKS
        if self._bytes + needed <= self.max_bytes:
            return
        for _, size, path in sorted(files):
            if self._bytes + needed <= _SHARE_LEFT_FULL * self.max_bytes:
                break
            path.unlink(missing_ok=True)
            self._bytes -= size

    def _path(self, key: str) -> Path:
        return self.folder / hashlib.sha256(key.encode()).hexdigest()
