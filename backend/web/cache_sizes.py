"""How much the caches below the data folder hold, counted at most once a minute."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Counting looks at every file: tens of thousands in a full cache.
KEPT_SECONDS = 60.0
# Below the data folder, by the name that is shown.
_CACHES = {"downloads": "images", "encoded images": "features", "models": "models"}


class CacheSizes:
    """Counts files and bytes for the status page, which may be asked for every second.

    Args:
        data_dir: the data folder.
        clock: seconds that only grow.

    """

    def __init__(self, *, data_dir: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._lock = threading.Lock()
        self._counted: list[dict[str, Any]] = []
        self._counted_at = float("-inf")

    def all(self) -> list[dict[str, Any]]:
        """Return `name`, `files` and `bytes` of each cache, as they were within the last minute."""
        with self._lock:
            if self._clock() - self._counted_at >= KEPT_SECONDS:
                self._counted = [_count(name, self._data_dir / folder) for name, folder in _CACHES.items()]
                self._counted_at = self._clock()
            return self._counted


def _count(name: str, folder: Path) -> dict[str, Any]:
    sizes = [_size(path) for path in folder.rglob("*") if path.is_file()]
    return {"name": name, "files": len(sizes), "bytes": sum(sizes)}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        # Another process has just made room in the cache.
        return 0
