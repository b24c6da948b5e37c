"""What a new worker does about the jobs of one that died beside it; on a real queue server."""

import os
import subprocess
import sys

import pytest
from rq import Queue, Retry, SimpleWorker
from rq.job import Job

from backend.queueing.connection import SERIALIZER, open_queue
from backend.queueing.enqueue import wait_for
from backend.worker.names import process_space, worker_name
from backend.worker.takeover import take_over_jobs_of_dead_neighbours
from tests.backend.queueing.jobs import ECHO
from tests.processes import Installation, MakeInstallation


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


@pytest.fixture
def queue(own: Installation) -> Queue:
    return open_queue("inference", own.connection)


@pytest.fixture
def dead_pid() -> int:
    """The id of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def busy_worker(queue: Queue, job: Job, *, name: str, pid: int) -> SimpleWorker:
    """A worker that was registered and began a job, as the queue server sees it."""
    worker = SimpleWorker([queue], name=name, connection=queue.connection, serializer=SERIALIZER)
    worker.pid = pid
    worker.register_birth()
    queue.connection.lrem(queue.key, 1, job.id)
    worker.prepare_job_execution(job, worker.prepare_execution(job))
    return worker


def name_with(pid: int, space: str | None = None) -> str:
    return f"inference-{space or process_space()}-{pid}-a1b2c3"


def test_the_job_of_a_dead_neighbour_goes_back_to_the_front_of_its_queue(queue: Queue, dead_pid: int) -> None:
    job = queue.enqueue(ECHO, 1, retry=Retry(max=2, enqueue_at_front=True))
    busy_worker(queue, job, name=name_with(dead_pid), pid=dead_pid)
    waiting = queue.enqueue(ECHO, 2)
    assert take_over_jobs_of_dead_neighbours(queue.connection) == [job.id]
    assert queue.job_ids == [job.id, waiting.id]
    assert Job.fetch(job.id, connection=queue.connection, serializer=SERIALIZER).retries_left == 1


def test_a_job_that_has_used_up_its_retries_fails_with_a_reason(queue: Queue, dead_pid: int) -> None:
    job = queue.enqueue(ECHO, 1)
    busy_worker(queue, job, name=name_with(dead_pid), pid=dead_pid)
    take_over_jobs_of_dead_neighbours(queue.connection)
    (outcome,) = wait_for([job], deadline=0)
    assert outcome.state == "failed"
    assert "AbandonedJobError" in outcome.reason
    assert queue.failed_job_registry.get_job_ids() == [job.id]


def test_the_dead_worker_is_no_longer_counted(queue: Queue, dead_pid: int) -> None:
    job = queue.enqueue(ECHO, 1)
    busy_worker(queue, job, name=name_with(dead_pid), pid=dead_pid)
    take_over_jobs_of_dead_neighbours(queue.connection)
    assert SimpleWorker.all(connection=queue.connection) == []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(worker_name("inference"), id="alive"),
        pytest.param(name_with(1, "other-host-4026531836"), id="on another machine"),
    ],
)
def test_jobs_of_workers_that_may_live_are_left_alone(name: str, queue: Queue, dead_pid: int) -> None:
    job = queue.enqueue(ECHO, 1, retry=Retry(max=2))
    alive = name.startswith(f"inference-{process_space()}-")
    busy_worker(queue, job, name=name, pid=os.getpid() if alive else dead_pid)
    assert take_over_jobs_of_dead_neighbours(queue.connection) == []
    assert queue.job_ids == []
    assert job.get_status(refresh=True) == "started"


def test_an_idle_dead_neighbour_leaves_nothing_behind(queue: Queue, dead_pid: int) -> None:
    worker = SimpleWorker(
        [queue], name=name_with(dead_pid), connection=queue.connection, serializer=SERIALIZER
    )
    worker.pid = dead_pid
    worker.register_birth()
    assert take_over_jobs_of_dead_neighbours(queue.connection) == []
    assert SimpleWorker.all(connection=queue.connection) == []
