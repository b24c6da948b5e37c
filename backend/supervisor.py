"""Child processes that belong together: started in order, started again when they die, ended together."""

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_log = logging.getLogger(__name__)

_FIRST_DELAY = 1.0
_LONGEST_DELAY = 30.0
# A child that has lived this long in seconds counts as healthy: its next death waits the first delay only.
_HEALTHY_AFTER = 60.0
_POLL_SECONDS = 0.2
# For all children together; one that comes late still gets the shortest grace.
STOP_SECONDS = 30.0
SHORTEST_GRACE_SECONDS = 5.0


@dataclass(slots=True)
class Child:
    """One process of the product.

    Attributes:
        name: for log lines.
        command: program and arguments.
        environment: the process's environment.
        started_at: when it was started last (`time.monotonic`).
        starts_at: when a dead one is to be started again; None while it lives.
        delay: seconds that its next death is followed by.
        restarts: how often it was started again.

    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    starts_at: float | None = None
    delay: float = _FIRST_DELAY
    restarts: int = 0

    def start(self) -> None:
        """Start the process in a group of its own: a terminal's Ctrl-C must reach the supervisor only.

        Its standard input is a pipe into which nothing is ever written: `backend.supervised` sees it close.
        """
        self.close_input()
        self.process = subprocess.Popen(
            list(self.command), env=dict(self.environment), stdin=subprocess.PIPE, start_new_session=True
        )
        self.started_at = time.monotonic()
        self.starts_at = None

    def close_input(self) -> None:
        """Close this end of the pipe to a process that has ended."""
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()

    @property
    def exit_code(self) -> int | None:
        """The exit code of a process that has ended."""
        return self.process.poll() if self.process else None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process and everything it started."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


class Supervisor:
    """Runs children until it is asked to stop.

    Args:
        children: in the order in which they start; they are stopped in the reverse order.

    """

    def __init__(self, *, children: Sequence[Child]) -> None:
        self.children = list(children)
        self._stop = threading.Event()

    def start(self) -> None:
        """Start every child."""
        for child in self.children:
            child.start()

    def request_stop(self) -> None:
        """Make `watch` return; may be called from a signal handler."""
        self._stop.set()

    @property
    def stopping(self) -> bool:
        """Whether a stop was requested."""
        return self._stop.is_set()

    def watch(self, *, also: Callable[[], None] | None = None) -> None:
        """Start dead children again, with growing delays, until a stop is requested.

        Args:
            also: called at every round, before the children are looked at.

        """
        while not self._stop.wait(_POLL_SECONDS):
            if also is not None:
                also()
            for child in self.children:
                if child.exit_code is not None:
                    self._look_after(child)

    def stop(self) -> None:
        """End one child after the other: SIGTERM and time to finish the running work, then SIGKILL."""
        self._stop.set()
        deadline = time.monotonic() + STOP_SECONDS
        for child in reversed(self.children):
            if child.process is None:
                continue
            child.send(signal.SIGTERM)
            try:
                child.process.wait(max(SHORTEST_GRACE_SECONDS, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.warning("%s does not end: killing it", child.name)
            child.send(signal.SIGKILL)
            child.process.wait()
            child.close_input()

    def _look_after(self, child: Child) -> None:
        """Plan the next start of a dead child, or start it when its time has come; nobody else waits."""
        if child.starts_at is None:
            self._plan(child)
        elif time.monotonic() >= child.starts_at:
            child.restarts += 1
            child.start()

    @staticmethod
    def _plan(child: Child) -> None:
        now = time.monotonic()
        lived = now - child.started_at
        if lived > _HEALTHY_AFTER:
            child.delay = _FIRST_DELAY
        _log.warning(
            "%s ended with code %s after %.0f s: starting it again in %.0f s",
            child.name,
            child.exit_code,
            lived,
            child.delay,
        )
        child.starts_at = now + child.delay
        child.delay = min(2 * child.delay, _LONGEST_DELAY)
