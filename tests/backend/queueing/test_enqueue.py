import time
import uuid

import pytest
import redis
from rq.job import Job

from backend.errors import QueueUnavailableError
from backend.queueing.connection import connect, open_queue
from backend.queueing.enqueue import Outcome, enqueue_predict, forget, give_up, wait_for
from backend.queueing.names import (
    FAILURE_LIFETIME,
    PREDICT_RETRIES,
    PREDICT_TIMEOUT,
    RESULT_LIFETIME,
    RUN_PREDICT,
)
from tests.backend.queueing.conftest import RunJobs
from tests.backend.queueing.jobs import ECHO, FAIL

PAYLOAD = {"tasks": [{"id": 1}, {"id": 2}], "project": "3", "label_config": "<View/>"}


@pytest.fixture
def queue_name() -> str:
    """A queue that no worker of the suite serves."""
    return f"test-{uuid.uuid4().hex[:8]}"


def soon() -> float:
    return time.monotonic() + 60


def now() -> float:
    return time.monotonic()


def test_a_prediction_job_names_its_function_and_all_its_lifetimes(
    queue_name: str, connection: "redis.Redis"
) -> None:
    job = enqueue_predict(PAYLOAD, queue=queue_name, connection=connection)
    found = Job.fetch(job.id, connection=connection, serializer="json")
    assert found.func_name == RUN_PREDICT
    assert found.args == [PAYLOAD]
    assert (found.timeout, found.result_ttl, found.failure_ttl) == (
        PREDICT_TIMEOUT,
        RESULT_LIFETIME,
        FAILURE_LIFETIME,
    )
    assert found.retries_left == PREDICT_RETRIES
    assert found.description == "predict 2 tasks of project 3"
    job.delete()


def test_outcomes_come_in_the_jobs_order(
    queue_name: str, connection: "redis.Redis", run_jobs: RunJobs
) -> None:
    queue = open_queue(queue_name, connection)
    jobs = [queue.enqueue(ECHO, {"n": number}) for number in range(3)]
    run_jobs(queue_name)
    assert [outcome.value for outcome in wait_for(jobs, deadline=soon())] == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_a_job_that_raised_is_failed_with_its_reason_alone(
    queue_name: str, connection: "redis.Redis", run_jobs: RunJobs
) -> None:
    job = open_queue(queue_name, connection).enqueue(FAIL, "no such label")
    run_jobs(queue_name)
    assert wait_for([job], deadline=soon()) == [Outcome("failed", reason="ValueError: no such label")]


def test_a_job_that_is_not_ready_at_the_deadline_is_late(queue_name: str, connection: "redis.Redis") -> None:
    job = open_queue(queue_name, connection).enqueue(ECHO, 1)
    (outcome,) = wait_for([job], deadline=now())
    assert (outcome.state, outcome.value) == ("late", None)
    assert outcome.reason
    job.delete()


def test_late_jobs_leave_the_queue_and_ended_ones_keep_their_result(
    queue_name: str, connection: "redis.Redis", run_jobs: RunJobs
) -> None:
    queue = open_queue(queue_name, connection)
    ended = queue.enqueue(ECHO, 1)
    run_jobs(queue_name)
    waiting = queue.enqueue(ECHO, 2)
    outcomes = wait_for([ended, waiting], deadline=now())
    give_up([ended, waiting], outcomes)
    assert queue.count == 0
    assert not Job.exists(waiting.id, connection=connection)
    assert Job.exists(ended.id, connection=connection)


def test_results_that_were_read_are_thrown_away_and_failures_stay_for_people_to_see(
    queue_name: str, connection: "redis.Redis", run_jobs: RunJobs
) -> None:
    queue = open_queue(queue_name, connection)
    jobs = [queue.enqueue(ECHO, 1), queue.enqueue(FAIL, "no such label")]
    run_jobs(queue_name)
    forget(jobs, wait_for(jobs, deadline=soon()))
    assert [Job.exists(job.id, connection=connection) for job in jobs] == [False, True]
    assert jobs[0].latest_result() is None
    assert queue.finished_job_registry.get_job_ids() == []


def test_a_running_job_is_left_to_its_worker(queue_name: str, connection: "redis.Redis") -> None:
    job = open_queue(queue_name, connection).enqueue(ECHO, 1)
    job.set_status("started")
    give_up([job], [Outcome("late")])
    assert Job.exists(job.id, connection=connection)
    job.delete()


def test_without_a_queue_server_nothing_is_enqueued_and_the_error_says_so() -> None:
    away = connect("redis://127.0.0.1:9")
    with pytest.raises(QueueUnavailableError):
        enqueue_predict(PAYLOAD, queue="inference", connection=away)
