"""Steps that tell how far they are: one line each, with the seconds for those that take longer."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_CLEAR = "\r\x1b[K"
_SLOW_SECONDS = 2.0
# Where lines cannot be rewritten, a slow step tells that it lives this often.
_LINE_EVERY_SECONDS = 10


class Step:
    """One running step; a thread of its own shows the seconds.

    Args:
        title: what is being done.

    """

    def __init__(self, title: str) -> None:
        self.title = title
        self._note = ""
        self._in_place = sys.stdout.isatty()
        self._started = time.monotonic()
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def tell(self, note: str) -> None:
        """Show how far it is beside the seconds, such as `3 of 7 tasks`."""
        self._note = note

    def begin(self) -> None:
        """Announce it, where the line can be rewritten when it is done."""
        if self._in_place:
            print(f"  … {self.title}", end="", flush=True)
        self._ticker.start()

    def end(self, sign: str) -> None:
        """Say how it ended, and how long a slow one took."""
        self._ended.set()
        self._ticker.join()
        seconds = time.monotonic() - self._started
        took = f" ({seconds:.0f} s)" if seconds >= _SLOW_SECONDS else ""
        print(f"{_CLEAR if self._in_place else ''}  {sign} {self.title}{took}", flush=True)

    def _tick(self) -> None:
        wait = 1 if self._in_place else _LINE_EVERY_SECONDS
        while not self._ended.wait(wait):
            seconds = time.monotonic() - self._started
            if seconds >= _SLOW_SECONDS:
                note = f", {self._note}" if self._note else ""
                line = f"  … {self.title} ({seconds:.0f} s{note})"
                print(
                    f"{_CLEAR}{line}" if self._in_place else line,
                    end="" if self._in_place else "\n",
                    flush=True,
                )


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Announce a step, show that it lives, and say how it ended."""
    running = Step(title)
    running.begin()
    try:
        yield running
    except BaseException:
        running.end("✗")
        raise
    running.end("✓")
