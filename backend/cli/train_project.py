"""`zegclip train --project N`: learn from a project's corrections now."""

import argparse
import sys
import time

from backend.cli.settings_flags import settings_from
from backend.errors import BackendError
from backend.learning.project_key import key_from_api
from backend.logs import configure_logging
from backend.queueing.address import queue_address
from backend.queueing.connection import connect
from backend.queueing.learning_jobs import enqueue_learning


class NoTrainingTargetError(BackendError):
    """Neither a data set nor a project was named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the way of training that needs no data set."""
    parser.add_argument(
        "--project", type=int, default=None, help="learn from this Label Studio project's corrections"
    )


def run(arguments: argparse.Namespace) -> int:
    """Queue a training of the project for the training worker; `zegclip jobs --follow` shows it."""
    if arguments.project is None:
        raise NoTrainingTargetError(
            "name a data set (zegclip train DATASET --out FOLDER) or a project (zegclip train --project 3)"
        )
    settings = settings_from(arguments)
    configure_logging(settings.log_level)
    from backend.label_studio.from_settings import open_client

    key = key_from_api(open_client(settings).project(arguments.project))
    connection = connect(queue_address(settings))
    job_id = f"train-{key}-by-hand-{time.time_ns()}"
    payload = {"key": key, "run": job_id, "why": "asked for by hand"}
    if enqueue_learning("train", payload, job_id=job_id, connection=connection, why="asked for by hand"):
        print(f"queued {job_id}: zegclip jobs --follow shows how it goes")
    else:
        print("a training of this project waits already: it will see the newest corrections", file=sys.stderr)
    return 0
