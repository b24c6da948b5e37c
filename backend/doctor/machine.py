"""Checks of this machine: data folder, disk, queue, workers, model."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from backend.doctor.finding import Finding, failed, ok, warning
from backend.errors import QueueError
from backend.queueing.address import queue_address
from backend.queueing.connection import connect, queue_errors
from backend.queueing.names import INFERENCE_QUEUES, LEARNING_QUEUES
from backend.queueing.workers import count_workers
from backend.settings import Settings

_LITTLE_DISK = 2 * 2**30
_MODEL_SECONDS = 900


def check_folder(settings: Settings) -> Iterator[Finding]:
    """Whether the data folder can be written and has room."""
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield failed(
            "data folder",
            f"{folder} cannot be written: {error.strerror}",
            "give another with ZEGCLIP_DATA_DIR or --data-dir, or make it writable for this user",
        )
        return
    yield ok("data folder", f"{folder} is writable")
    free = shutil.disk_usage(folder).free
    if free < _LITTLE_DISK:
        yield warning("disk", f"{free / 2**30:.1f} GiB free", "make room: models and images need a few GiB")
    else:
        yield ok("disk", f"{free / 2**30:.1f} GiB free")


def check_queue(settings: Settings) -> Iterator[Finding]:
    """Whether the queue server answers and workers are alive."""
    try:
        connection = connect(queue_address(settings))
        with queue_errors():
            release = connection.info("server").get("redis_version", "?")
        inference = count_workers(connection, INFERENCE_QUEUES)
        learning = {kind: count_workers(connection, (kind,)) for kind in LEARNING_QUEUES}
    except QueueError as error:
        yield failed("queue server", str(error), "run `zegclip start`, or set REDIS_URL")
        return
    yield ok("queue server", f"answers (protocol of Redis {release})")
    if inference:
        yield ok("inference workers", f"{inference} alive")
    else:
        yield failed(
            "inference workers", "none is alive", "run `zegclip start` or `zegclip worker inference`"
        )
    for kind, count in learning.items():
        if count:
            yield ok(f"{kind} workers", f"{count} alive")
        else:
            yield warning(
                f"{kind} workers", "none is alive", f"run `zegclip start` or `zegclip worker {kind}`"
            )


def check_model(settings: Settings) -> Iterator[Finding]:
    """Whether the model loads and paints, in a process of its own that does not outlive the check."""
    # The command line must stay quick and small: torch comes and goes with the child.
    program = [sys.executable, "-m", "backend.doctor.model_probe", settings.model]
    folder = settings.data_dir / "models"
    try:
        done = subprocess.run(
            [*program, str(folder), settings.engine],
            capture_output=True,
            text=True,
            timeout=_MODEL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        yield failed("model", f"{settings.model} did not load in {_MODEL_SECONDS} s", "is a download stuck?")
        return
    words = (done.stdout or done.stderr).strip().splitlines()
    last = words[-1] if words else f"exit code {done.returncode}"
    if done.returncode == 0:
        yield ok("model", last)
    else:
        yield failed("model", last, "choose another with --model; zegclip-mini needs no download")
