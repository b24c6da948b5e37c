"""What is left of the product when its supervisor is killed: nothing. With real processes."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.label_studio import unused_port
from tests.processes import Installation, MakeInstallation, wait_until

# Starts what it is told and waits, as `zegclip start` does.
SUPERVISOR = """
import os, sys
from backend.supervisor import Child, Supervisor
supervisor = Supervisor(children=[Child("child", sys.argv[1:], dict(os.environ))])
supervisor.start()
supervisor.watch()
"""


def supervised(own: Installation, *command: str) -> "subprocess.Popen[bytes]":
    """A supervisor with one child, a command of the product."""
    child = [sys.executable, "-m", "backend.supervised", *command]
    with (own.folder / "supervised.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-c", SUPERVISOR, *child],
            env=own._environment({"REDIS_URL": own.redis_url}),
            stdout=log,
            stderr=log,
        )


def lives(name: str) -> bool:
    """Whether a process with this text in its command line lives; a zombie has none."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if name.encode() in file.read_bytes().replace(b"\0", b" "):
                return True
        except OSError:
            continue
    return False


def test_a_killed_supervisor_takes_its_children_along(new_installation: MakeInstallation) -> None:
    own = new_installation()
    port = str(unused_port())
    web = f"backend.supervised web --port {port}"
    supervisor = supervised(own, "web", "--port", port)
    try:
        wait_until(lambda: "Listening at" in (own.folder / "supervised.log").read_text(), "it serves")
    finally:
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait()
    wait_until(lambda: not lives(web), "the web process has ended")


def test_a_command_without_supervisor_is_not_ended_by_its_standard_input(
    new_installation: MakeInstallation,
) -> None:
    own = new_installation()
    web = own.start_web()
    assert web.get("/health").ok
    assert web.exit_code is None
