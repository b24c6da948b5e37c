"""Steps that tell how far they are: one line each, with the seconds for those that take longer."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_CLEAR = "\r\x1b[K"
_SLOW_SECONDS = 2.0


@dataclass(slots=True)
class Step:
    """One running step."""

    title: str
    shown: int = -1

    def tick(self, seconds: float) -> None:
        """Show the seconds, once for each; on a terminal in place, elsewhere every ten."""
        whole = int(seconds)
        if seconds < _SLOW_SECONDS or whole == self.shown:
            return
        self.shown = whole
        if sys.stdout.isatty():
            print(f"{_CLEAR}  … {self.title} ({whole} s)", end="", flush=True)
        elif whole % 10 == 0:
            print(f"  … {self.title} ({whole} s)", flush=True)


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Announce a step, and say when it is done and how long it took."""
    running = Step(title)
    started = time.monotonic()
    if sys.stdout.isatty():
        print(f"  … {title}", end="", flush=True)
    yield running
    seconds = time.monotonic() - started
    took = f" ({seconds:.0f} s)" if seconds >= _SLOW_SECONDS else ""
    print(f"{_CLEAR if sys.stdout.isatty() else ''}  ✓ {title}{took}", flush=True)
