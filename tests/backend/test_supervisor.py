import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend import supervisor as supervisor_module
from backend.supervisor import Child, Supervisor
from tests.processes import wait_until

FOREVER = "import signal; signal.pause()"
STUBBORN = """
import pathlib, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path({ready!r}).touch()
signal.pause()
"""


def python(name: str, code: str, *, delay: float = 0.01) -> Child:
    return Child(name, [sys.executable, "-c", code], dict(os.environ), delay=delay)


@pytest.fixture
def run() -> Iterator[Callable[..., Supervisor]]:
    """Start children and watch over them in a thread; everything ends with the test."""
    started: list[tuple[Supervisor, threading.Thread]] = []

    def start(*children: Child, also: Callable[[], None] | None = None) -> Supervisor:
        supervisor = Supervisor(children=children)
        supervisor.start()
        watcher = threading.Thread(target=supervisor.watch, kwargs={"also": also})
        watcher.start()
        started.append((supervisor, watcher))
        return supervisor

    yield start
    for supervisor, watcher in started:
        supervisor.request_stop()
        watcher.join()
        supervisor.stop()


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_killed_child_is_started_again(run: Callable[..., Supervisor]) -> None:
    child = python("worker", FOREVER)
    run(child)
    assert child.process is not None
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: child.restarts == 1 and child.exit_code is None, "the child is there again")
    assert child.process.pid != first


def test_a_child_that_keeps_dying_is_started_with_growing_delays(run: Callable[..., Supervisor]) -> None:
    child = python("broken", "raise SystemExit(3)")
    run(child)
    wait_until(lambda: child.restarts >= 3, "it was started three more times")
    assert child.delay >= 0.01 * 2**3


def test_nobody_waits_for_the_delay_of_another(run: Callable[..., Supervisor]) -> None:
    broken = python("broken", "raise SystemExit(3)", delay=1000)
    healthy = python("healthy", FOREVER)
    rounds: list[int] = []
    run(broken, healthy, also=lambda: rounds.append(1))
    wait_until(lambda: broken.starts_at is not None, "the broken child waits")
    assert healthy.process is not None
    os.kill(healthy.process.pid, signal.SIGKILL)
    wait_until(lambda: healthy.restarts == 1, "the healthy child is there again")
    assert broken.restarts == 0
    assert rounds


def test_stopping_ends_children_and_what_they_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, pathlib, signal, subprocess, sys; "
        f"inner = subprocess.Popen([sys.executable, '-c', {FOREVER!r}]); "
        f"pathlib.Path({str(pids)!r}).write_text(str(inner.pid)); signal.pause()"
    )
    supervisor = Supervisor(children=[python("parent", code)])
    supervisor.start()
    wait_until(lambda: pids.exists() and pids.read_text(), "the grandchild runs")
    supervisor.stop()
    wait_until(lambda: not lives(int(pids.read_text())), "the grandchild is gone")


def test_children_end_one_after_the_other_the_last_one_first(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import pathlib, signal, sys, time\n"
        "def end(*_):\n"
        "    with open({order!r}, 'a') as file: file.write({name!r})\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "pathlib.Path({ready!r}).touch()\n"
        "while True: signal.pause()"
    )
    children = [
        python(name, code.format(order=str(order), name=name, ready=str(tmp_path / name))) for name in "abc"
    ]
    supervisor = Supervisor(children=children)
    supervisor.start()
    wait_until(lambda: all((tmp_path / name).exists() for name in "abc"), "all children run")
    supervisor.stop()
    assert order.read_text() == "cba"


def test_a_child_that_ignores_the_request_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "STOP_SECONDS", 0.1)
    monkeypatch.setattr(supervisor_module, "SHORTEST_GRACE_SECONDS", 0.1)
    child = python("stubborn", STUBBORN.format(ready=str(tmp_path / "ready")))
    supervisor = Supervisor(children=[child])
    supervisor.start()
    wait_until((tmp_path / "ready").exists, "it runs")
    supervisor.stop()
    assert child.exit_code == -signal.SIGKILL


def test_stopping_before_anything_was_started_is_harmless() -> None:
    supervisor = Supervisor(children=[python("never", FOREVER)])
    supervisor.stop()
    assert supervisor.stopping
