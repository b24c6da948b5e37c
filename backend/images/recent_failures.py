"""Permanent failures that were seen a moment ago, so that a broken address is not asked again at once."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from backend.images.errors import ImageError

_MOST_ENTRIES = 10_000


class RecentFailures:
    """Remembers why an image could not be had, for a while; safe to use from many threads.

    Args:
        seconds: how long; afterwards the image is asked for again, since people mend things.
        clock: seconds that never go back.

    """

    def __init__(self, *, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._entries: OrderedDict[Hashable, tuple[float, type[ImageError], str]] = OrderedDict()
        self._lock = threading.Lock()

    def raise_if_known(self, key: Hashable) -> None:
        """Raise the failure again that was remembered for a key, as long as it is fresh."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and self._clock() >= entry[0]:
                del self._entries[key]
                entry = None
        if entry is not None:
            raise entry[1](entry[2])

    def remember(self, key: Hashable, error: ImageError) -> None:
        """Keep a failure, unless it is a passing one: those may be over the next time."""
        if error.passing:
            return
        with self._lock:
            self._entries[key] = (self._clock() + self._seconds, type(error), str(error))
            self._entries.move_to_end(key)
            while len(self._entries) > _MOST_ENTRIES:
                self._entries.popitem(last=False)
