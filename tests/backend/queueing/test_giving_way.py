"""Batches give way to people between two tasks: on a real queue server with real workers."""

import itertools
import time
from collections.abc import Mapping
from typing import Any

import pytest
from rq import Worker
from rq.job import Job

from backend.queueing import enqueue as enqueue_module
from backend.queueing.connection import SERIALIZER
from backend.queueing.enqueue import enqueue_predict, wait_for
from backend.queueing.giving_way import InterruptedBatch
from backend.queueing.names import INFERENCE, INTERACTIVE, KEPT_LIFETIME, PREDICT_RETRIES
from backend.worker.predict_worker import CLICKS_IN_A_ROW, PredictWorker
from tests.backend.queueing.clicked_batch import BEGUN, PAINT
from tests.processes import Installation, MakeInstallation


@pytest.fixture
def own(new_installation: MakeInstallation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    # No model is needed to see in which order tasks are painted.
    monkeypatch.setattr(enqueue_module, "RUN_PREDICT", PAINT)
    return new_installation()


def batch(
    own: Installation,
    tasks: int,
    *,
    at: Mapping[int, list[str]],
    project: str = "3",
    queue: str = INFERENCE,
) -> Job:
    """Enqueue a batch; `at` names what happens while one of its tasks is painted."""
    payload = {
        "tasks": [{"id": number} for number in range(tasks)],
        "project": project,
        "at": {str(place): deeds for place, deeds in at.items()},
    }
    return enqueue_predict(payload, queue=queue, connection=own.connection)


def work_off(own: Installation) -> None:
    worker = PredictWorker(
        [INTERACTIVE, INFERENCE], name="one", connection=own.connection, serializer=SERIALIZER
    )
    worker.work(burst=True, logging_level="CRITICAL")


def begun(own: Installation) -> list[str]:
    return [name.decode() for name in own.connection.lrange(BEGUN, 0, -1)]


def results(job: Job) -> Any:
    (outcome,) = wait_for([job], deadline=time.monotonic() + 60)
    assert outcome.state == "done", outcome.reason
    return outcome.value["results"]


def test_a_click_waits_for_one_task_and_not_for_the_batch(own: Installation) -> None:
    job = batch(own, 4, at={1: ["click"]})
    work_off(own)
    assert begun(own) == ["3-0", "3-1", "click", "3-2", "3-3"]
    assert results(job) == ["3-0", "3-1", "3-2", "3-3"]


def test_a_batch_gives_way_as_often_as_people_click(own: Installation) -> None:
    job = batch(own, 4, at={place: ["click"] for place in range(4)})
    work_off(own)
    assert begun(own) == ["3-0", "click", "3-1", "click", "3-2", "click", "3-3", "click"]
    assert results(job) == ["3-0", "3-1", "3-2", "3-3"]


def test_giving_way_is_no_failure_and_no_result(own: Installation) -> None:
    job = batch(own, 3, at={0: ["click"], 1: ["click"]})
    work_off(own)
    job.refresh()
    assert [result.type.name for result in job.results()] == ["SUCCESSFUL"]
    assert job.retries_left == PREDICT_RETRIES
    (worker,) = [Worker(["x"], name="one", connection=own.connection)]
    worker.refresh()
    assert (worker.successful_job_count, worker.failed_job_count) == (3, 0)


def test_the_batch_goes_on_before_those_that_came_after_it(own: Installation) -> None:
    batch(own, 2, at={0: ["click"]})
    batch(own, 1, at={})
    work_off(own)
    assert begun(own) == ["3-0", "click", "3-1", "3-0"]


def test_another_project_has_its_turn_between(own: Installation) -> None:
    batch(own, 60, at={place: ["click"] for place in range(60)}, project="large")
    batch(own, 1, at={}, project="small")
    work_off(own)
    order = begun(own)
    # Each time the lot decides: that it always falls on the large one is out of the question.
    assert order.index("small-0") < order.index("large-59")


def test_however_many_people_click_the_batch_goes_on(own: Installation) -> None:
    job = batch(own, 4, at={0: ["click on and on"]})
    work_off(own)
    runs = ["".join(group) for _, group in itertools.groupby(begun(own))]
    clicks = "click" * CLICKS_IN_A_ROW
    assert runs[:7] == ["3-0", clicks, "3-1", clicks, "3-2", clicks, "3-3"]
    assert results(job) == ["3-0", "3-1", "3-2", "3-3"]


def test_what_people_ask_for_gives_way_to_nobody(own: Installation) -> None:
    batch(own, 3, at={0: ["click"]}, queue=INTERACTIVE)
    work_off(own)
    assert begun(own) == ["3-0", "3-1", "3-2", "click"]


@pytest.mark.slow
def test_after_a_death_the_batch_goes_on_where_it_gave_way(own: Installation) -> None:
    job = batch(own, 4, at={1: ["click"], 2: ["die once"]})
    first = own.start("worker", "inference", REDIS_URL=own.redis_url)
    assert first.wait() < 0
    second = own.start("worker", "inference", "--burst", REDIS_URL=own.redis_url)
    assert second.wait() == 0, second.log_text()
    assert begun(own) == ["3-0", "3-1", "click", "3-2", "3-2", "3-3"]
    assert results(job) == ["3-0", "3-1", "3-2", "3-3"]
    assert job.get_status() == "finished"


@pytest.mark.slow
def test_several_workers_paint_every_task_of_many_batches_once(own: Installation) -> None:
    jobs = [
        batch(own, 5, at={place: ["click"] for place in range(5)}, project=str(number))
        for number in range(10)
    ]
    workers = [own.start("worker", "inference", "--burst", REDIS_URL=own.redis_url) for _ in range(2)]
    for worker in workers:
        assert worker.wait() == 0, worker.log_text()
    for number, job in enumerate(jobs):
        assert results(job) == [f"{number}-{place}" for place in range(5)]
    order = begun(own)
    assert order.count("click") == 50
    assert len(order) == 100


class TestKept:
    def test_it_runs_out(self, own: Installation) -> None:
        job = batch(own, 3, at={})
        InterruptedBatch(job).give_way(["a", "b"])
        (key,) = own.connection.keys("zegclip:painted:*")
        assert 0 < own.connection.ttl(key) <= KEPT_LIFETIME

    def test_what_has_run_out_is_painted_again(self, own: Installation) -> None:
        job = batch(own, 3, at={})
        InterruptedBatch(job).give_way(["a", "b"])
        own.connection.delete(*own.connection.keys("zegclip:painted:*"))
        work_off(own)
        assert results(job) == ["3-0", "3-1", "3-2"]

    def test_it_is_thrown_away_once_the_job_has_its_result(self, own: Installation) -> None:
        batch(own, 3, at={0: ["click"]})
        work_off(own)
        assert own.connection.keys("zegclip:painted:*") == []

    def test_a_task_that_two_workers_painted_is_there_once(self, own: Installation) -> None:
        job = batch(own, 4, at={})
        one, other = InterruptedBatch(job), InterruptedBatch(job)
        one.give_way(["a", "b"])
        other.give_way(["a"])
        assert InterruptedBatch(job).done == ["a", "b"]


class TestNotPutBack:
    def test_a_job_that_was_deleted_meanwhile(self, own: Installation) -> None:
        batch(own, 3, at={0: ["click", "delete"]})
        work_off(own)
        assert begun(own) == ["3-0", "click"]

    def test_a_job_that_another_worker_has_now(self, own: Installation) -> None:
        batch(own, 3, at={0: ["click", "lose"]})
        work_off(own)
        assert begun(own) == ["3-0", "click"]
