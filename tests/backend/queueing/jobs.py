"""Jobs for the tests of the queue; workers of `python -m backend` find them by name."""

import os
import signal
import time
from pathlib import Path
from typing import Any

ECHO = f"{__name__}.echo"
FAIL = f"{__name__}.fail"
KILL_WORKER = f"{__name__}.kill_worker"
WAIT_FOR_FILE = f"{__name__}.wait_for_file"


def echo(value: Any) -> Any:
    return value


def fail(message: str) -> None:
    raise ValueError(message)


def kill_worker(_: Any = None) -> None:
    """What a segmentation fault or the OOM killer does."""
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_file(started: str, path: str) -> str:
    """Count the starts in one file, and end when the other exists."""
    with Path(started).open("a") as file:
        file.write("x")
    while not Path(path).exists():
        time.sleep(0.02)
    return "done"
