"""A bound on how many predict requests are held at once; more get an honest 503."""

import contextlib
import threading
from collections.abc import Iterator

from backend.errors import RequestError

RETRY_AFTER_SECONDS = 5


class Admission:
    """Counts requests in flight.

    Args:
        limit: how many may be held at once.

    """

    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        self._free = threading.BoundedSemaphore(limit)
        self._count = 0
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """How many requests are held now."""
        return self._count

    @contextlib.contextmanager
    def admit(self) -> Iterator[None]:
        """Hold a place, or raise `RequestError` with status 503 when none is free."""
        if not self._free.acquire(blocking=False):
            raise RequestError(
                f"{self.limit} predict requests are already waiting: try again in {RETRY_AFTER_SECONDS} s",
                status=503,
                code="busy",
            )
        with self._lock:
            self._count += 1
        try:
            yield
        finally:
            with self._lock:
                self._count -= 1
            self._free.release()
