"""Jobs for the tests of the queue; workers of `python -m backend` find them by name."""

import contextlib
import os
import signal
import sys
import time
from typing import Any

from backend.queueing.connection import connect

ECHO = f"{__name__}.echo"
ECHO_FIRST = f"{__name__}.echo_first"
FAIL = f"{__name__}.fail"
KILL_WORKER = f"{__name__}.kill_worker"
WAIT_FOR_KEY = f"{__name__}.wait_for_key"
HEAVY_MODULES = f"{__name__}.heavy_modules"


def echo(value: Any) -> Any:
    return value


def echo_first(value: Any, *_: Any) -> dict[str, Any]:
    return {"got": value}


def fail(message: str) -> None:
    raise ValueError(message)


def kill_worker(_: Any = None) -> None:
    """What a segmentation fault or the OOM killer does."""
    os.kill(os.getpid(), signal.SIGKILL)


def wait_for_key(url: str, key: str) -> None:
    """Run until somebody writes a key into the queue server."""
    with contextlib.closing(connect(url)) as connection:
        while not connection.exists(key):
            time.sleep(0.05)


def heavy_modules() -> list[str]:
    """Tell whether the worker's parent had imported what must not be forked."""
    return [name for name in ("torch", "open_clip") if name in sys.modules]
