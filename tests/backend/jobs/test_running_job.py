"""What a running job tells, on a real queue server."""

import pytest
from rq import Worker
from rq.job import Job

from backend.jobs import running_job as module
from backend.jobs.running_job import RunningJob
from backend.queueing.connection import SERIALIZER
from backend.queueing.learning_jobs import enqueue_learning
from tests.backend.learning.pretend import KEY
from tests.processes import Installation, MakeInstallation

JOB_ID = f"train-{KEY}-x"


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


@pytest.fixture
def job(own: Installation, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A queued job that believes to run on a worker called `w`."""
    enqueue_learning("train", {"key": KEY}, job_id=JOB_ID, connection=own.connection, why="test")
    job = Job.fetch(JOB_ID, connection=own.connection, serializer=SERIALIZER)
    job.worker_name = "w"
    monkeypatch.setattr(module, "get_current_job", lambda: job)
    return job


def told(own: Installation) -> object:
    return Job.fetch(JOB_ID, connection=own.connection, serializer=SERIALIZER).meta.get("progress")


def test_progress_is_written_at_most_once_a_second_but_a_new_stage_always(
    own: Installation, job: Job
) -> None:
    running = RunningJob()
    running.tell({"done": 1}, stage="reading")
    running.tell({"done": 2}, stage="reading")
    assert told(own) == {"done": 1}
    running.tell({"done": 3}, stage="training")
    assert told(own) == {"done": 3}


def test_an_outage_of_the_queue_does_not_end_the_work(own: Installation, job: Job) -> None:
    running = RunningJob()
    own.kill_queue_server()
    running.tell({"done": 1}, stage="training")
    assert not running.should_stop()


def test_a_worker_that_was_asked_to_end_asks_its_job(own: Installation, job: Job) -> None:
    assert not RunningJob().should_stop()
    key = f"{Worker.redis_worker_namespace_prefix}w"
    own.connection.hset(key, "shutdown_requested_date", "2026-11-24T10:00:00Z")
    assert RunningJob().should_stop()


def test_outside_a_worker_nothing_is_told_and_nothing_stops() -> None:
    running = RunningJob()
    running.tell({"done": 1})
    assert not running.should_stop()
