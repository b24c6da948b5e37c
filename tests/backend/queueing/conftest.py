"""A queue server, and a worker for test jobs that needs no model."""

import os
from collections.abc import Callable, Iterator

import pytest
import redis
from rq import SimpleWorker

from backend.queueing.connection import SERIALIZER, open_queue
from tests.processes import Installation

RunJobs = Callable[[str], None]


@pytest.fixture
def connection(installation: Installation) -> Iterator["redis.Redis"]:
    """The suite's queue server, without jobs."""
    yield installation.connection


@pytest.fixture
def run_jobs(connection: "redis.Redis") -> RunJobs:
    """Run everything that waits in a queue, in this process: `run_jobs("some-queue")`."""

    def run(name: str) -> None:
        worker = SimpleWorker(
            [open_queue(name, connection)],
            name=f"test-{name}-{os.getpid()}",
            connection=connection,
            serializer=SERIALIZER,
        )
        worker.log.disabled = True
        worker.work(burst=True)

    return run
