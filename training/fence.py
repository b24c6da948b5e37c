"""One training per project: a lock that dies with its process, and a token that rises.

The lock keeps a second copy from starting while the first one lives, an orphan included. The token settles
what a lock cannot: a training that was suspended, or whose lock file was deleted, finds a higher token when
it wants to publish, and stops.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from training.registry.errors import FenceHeldError, LostFenceError
from zegclip_core.atomic_files import write_atomically

LOCK_FILE = "training.lock"
TOKEN_FILE = "training.token"


class Fence(Protocol):
    """Held while a project is trained."""

    def __enter__(self) -> Self:
        """Take it; raises `FenceHeldError` when another process has it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back."""

    def require_newest(self) -> None:
        """Raise `LostFenceError` when a later training has begun."""


class TrainingFence:
    """Implements `Fence` for the processes of one machine.

    Args:
        folder: the project's folder, on a local file system, or a network one with locks for all.

    """

    def __init__(self, *, folder: Path) -> None:
        self.folder = folder
        self.token = 0
        self._descriptor: int | None = None

    def __enter__(self) -> "TrainingFence":
        """Take the lock and the next token; raises `FenceHeldError` when another process has the lock."""
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise FenceHeldError(
                f"another process trains in {self.folder}: it has the newest data or will be followed"
            ) from None
        self._descriptor = descriptor
        self.token = self._stored() + 1
        write_atomically(self.folder / TOKEN_FILE, str(self.token).encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def require_newest(self) -> None:
        """Raise `LostFenceError` when a later training has begun."""
        newest = self._stored()
        if newest != self.token:
            raise LostFenceError(
                f"training {self.token} of {self.folder.name} was overtaken by training {newest}: "
                "its result is not published"
            )

    def _stored(self) -> int:
        try:
            return int((self.folder / TOKEN_FILE).read_text("ascii"))
        except FileNotFoundError:
            return 0
