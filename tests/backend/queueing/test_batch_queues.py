"""Fair shares: each project's batches in a queue of their own, on a real queue server with real workers."""

import time
from typing import Any

import pytest
from rq.job import Job

from backend.queueing import enqueue as enqueue_module
from backend.queueing.batch_queues import batch_queue_name, batch_queues, forget_ended_queues
from backend.queueing.connection import SERIALIZER, open_queue
from backend.queueing.enqueue import enqueue_predict, enqueue_predicts, wait_for
from backend.queueing.names import INFERENCE, INTERACTIVE
from backend.worker.predict_worker import PredictWorker
from tests.backend.queueing.jobs import ECHO
from tests.processes import Installation, MakeInstallation


@pytest.fixture
def own(new_installation: MakeInstallation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    # No model is needed to see in which order jobs are taken.
    monkeypatch.setattr(enqueue_module, "RUN_PREDICT", ECHO)
    return new_installation()


def batches(own: Installation, project: str, count: int, *, queue: str = INFERENCE) -> list[Job]:
    payloads = [{"tasks": [], "project": project, "batch": number} for number in range(count)]
    return enqueue_predicts(payloads, queue=queue, connection=own.connection)


def in_order_of_ending(own: Installation, jobs: list[Job]) -> list[str]:
    """The projects of jobs, the one whose job ended first at first."""
    found = Job.fetch_many([job.id for job in jobs], connection=own.connection, serializer=SERIALIZER)
    ended = sorted((job for job in found if job is not None), key=lambda job: job.ended_at)
    return [job.args[0]["project"] for job in ended]


def work_off(own: Installation, *names: str) -> None:
    worker = PredictWorker(list(names), name="one", connection=own.connection, serializer=SERIALIZER)
    worker.work(burst=True, logging_level="ERROR")


@pytest.mark.slow
def test_a_small_project_does_not_wait_behind_a_large_one_and_people_wait_for_neither(
    own: Installation,
) -> None:
    jobs = batches(own, "large", 200) + batches(own, "small", 8)
    jobs += batches(own, "clicks", 1, queue=INTERACTIVE)
    workers = [own.start("worker", "inference", "--burst", REDIS_URL=own.redis_url) for _ in range(2)]
    for worker in workers:
        assert worker.wait() == 0, worker.log_text()
    order = in_order_of_ending(own, jobs)
    assert len(order) == 209
    # Two workers take a job each at once: the other one may end before the click.
    assert "clicks" in order[:2]
    # Half of the turns are its own. That chance gives it so few of the first hundred is out of the question.
    assert order[:100].count("small") == 8


@pytest.mark.slow
def test_an_idle_worker_finds_the_first_batch_of_a_new_project(own: Installation) -> None:
    own.start_worker()
    for project in ("new", "newer"):
        (outcome,) = wait_for(batches(own, project, 1), deadline=time.monotonic() + 120)
        assert outcome.value["project"] == project


def test_many_projects_get_equal_shares(own: Installation) -> None:
    jobs = [job for number in range(4) for job in batches(own, f"{number}-17", 50)]
    work_off(own, INTERACTIVE, INFERENCE)
    half = in_order_of_ending(own, jobs)[:100]
    assert len(half) == 100
    # Each has 25 in the mean, with a standard deviation of about 4.
    assert all(5 <= half.count(f"{number}-17") <= 45 for number in range(4))


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        ({"project": "3", "project_key": "3-1795425884"}, "inference-3-1795425884"),
        ({"project": "3", "project_key": None}, "inference-3"),
        ({"project": ""}, INFERENCE),
        ({}, INFERENCE),
    ],
)
def test_the_queue_is_named_after_the_project(payload: dict[str, Any], name: str) -> None:
    assert batch_queue_name(payload) == name


def test_whatever_a_caller_names_its_project_the_queues_name_is_plain() -> None:
    odd = batch_queue_name({"project": "3,interactive"})
    assert odd.startswith("inference-")
    assert "," not in odd
    assert odd != batch_queue_name({"project": "4,interactive"})
    assert len(batch_queue_name({"project": "x" * 10_000})) < 60


def test_jobs_keep_their_order_within_a_project(own: Installation) -> None:
    jobs = batches(own, "3", 250)
    assert open_queue("inference-3", own.connection).job_ids == [job.id for job in jobs]


def test_a_project_whose_jobs_have_ended_is_forgotten_once_their_results_are(own: Installation) -> None:
    (job,) = batches(own, "3", 1)
    forget_ended_queues(own.connection)
    assert [queue.name for queue in batch_queues(own.connection)] == [INFERENCE, "inference-3"]
    work_off(own, INTERACTIVE, INFERENCE)
    assert "inference-3" in [queue.name for queue in batch_queues(own.connection)]
    job.delete()
    forget_ended_queues(own.connection)
    assert [queue.name for queue in batch_queues(own.connection)] == [INFERENCE]


def test_the_job_of_a_worker_that_died_silently_is_found_in_its_projects_queue(own: Installation) -> None:
    (job,) = batches(own, "3", 1)
    queue = open_queue("inference-3", own.connection)
    dead = PredictWorker(
        [INTERACTIVE, INFERENCE], name="dead", connection=own.connection, serializer=SERIALIZER
    )
    own.connection.lrem(queue.key, 1, job.id)
    dead.prepare_job_execution(job, dead.prepare_execution(job))
    # As if its last heartbeat was long ago.
    (claim,) = own.connection.zrange(queue.started_job_registry.key, 0, -1)
    own.connection.zadd(queue.started_job_registry.key, {claim: 1})
    work_off(own, INTERACTIVE, INFERENCE)
    (outcome,) = wait_for([job], deadline=time.monotonic() + 60)
    assert outcome.state == "done"


def test_one_job_alone_goes_the_same_way(own: Installation) -> None:
    job = enqueue_predict({"tasks": [], "project": "3"}, queue=INFERENCE, connection=own.connection)
    assert job.origin == "inference-3"
