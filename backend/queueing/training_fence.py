"""One training per project on all machines: a lock in the queue server that must be renewed, and a token.

The lock of a process that died runs out by itself. One that was suspended, or that lost the queue server for
longer than that, may have been overtaken; the token tells it so before it publishes.
"""

import logging
import secrets
import threading
from types import TracebackType

import redis
from redis.exceptions import LockError
from redis.lock import Lock

from backend.queueing.connection import queue_errors
from training.registry.errors import FenceHeldError, LostFenceError

_log = logging.getLogger(__name__)
_LIFETIME_SECONDS = 60.0
_RENEWAL_SECONDS = 15.0


class SharedTrainingFence:
    """Implements `training.fence.Fence` in the queue server, for a project that machines share.

    Args:
        connection: the queue server.
        key: the project's.
        lifetime: seconds until the lock of a process that died runs out.
        renew_every: seconds between two renewals.

    """

    def __init__(
        self,
        *,
        connection: "redis.Redis",
        key: str,
        lifetime: float = _LIFETIME_SECONDS,
        renew_every: float = _RENEWAL_SECONDS,
    ) -> None:
        self._connection = connection
        self._key = key
        self._renew_every = renew_every
        self._token_name = f"zegclip:training:{key}:token"
        self._token = secrets.token_hex(8)
        self._ended = threading.Event()
        self._renewal: threading.Thread | None = None
        # The thread that renews is another one than the thread that takes.
        self._lock: Lock = connection.lock(
            f"zegclip:training:{key}", timeout=lifetime, blocking=False, thread_local=False
        )

    def __enter__(self) -> "SharedTrainingFence":
        """Take the lock and leave a new token.

        Raises `FenceHeldError` when another process has the lock, `QueueUnavailableError`.
        """
        with queue_errors():
            if not self._lock.acquire():
                raise FenceHeldError(
                    f"another process trains project {self._key}: it has the newest data or will be followed"
                )
            self._connection.set(self._token_name, self._token)
        self._renewal = threading.Thread(target=self._renew, name="training-fence", daemon=True)
        self._renewal.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._renewal is not None:
            self._renewal.join()
        try:
            self._lock.release()
        except (LockError, redis.ConnectionError, redis.TimeoutError) as problem:
            _log.warning("the lock of project %s runs out by itself: %s", self._key, problem)

    def require_newest(self) -> None:
        """Raise `LostFenceError` when a later training has begun; `QueueUnavailableError`."""
        with queue_errors():
            newest = self._connection.get(self._token_name)
        if newest != self._token.encode():
            raise LostFenceError(
                f"a training of project {self._key} was overtaken by another one: its result is not published"
            )

    def _renew(self) -> None:
        while not self._ended.wait(self._renew_every):
            try:
                self._lock.reacquire()
            except LockError as problem:
                _log.warning("the training of project %s has lost its lock: %s", self._key, problem)
                return
            except (redis.ConnectionError, redis.TimeoutError) as problem:
                _log.warning("the lock of project %s was not renewed: %s", self._key, problem)
