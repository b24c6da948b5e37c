"""The command line as a script calls it: a process, its exit code and what it printed."""

import subprocess
import sys

from tests.processes import clean_environment

PATIENCE_SECONDS = 600


def zegclip(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `python -m backend …` and return its exit code and output."""
    return subprocess.run(
        [sys.executable, "-m", "backend", *arguments],
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
