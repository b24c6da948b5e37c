"""Who asks the same waits for the same job; on a real queue server, with results as a worker gives them."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rq.job import Job
from rq.results import Result

from backend.errors import QueueUnavailableError
from backend.queueing.batch_queues import batch_queues
from backend.queueing.connection import connect
from backend.queueing.enqueue import Outcome
from backend.queueing.names import INFERENCE, RESULT_LIFETIME
from backend.web.shared_jobs import SharedJobs
from tests.processes import Installation, MakeInstallation, wait_until

DONE = {"results": [{"score": 0.5}]}


class Callers:
    """Requests in threads of their own."""

    def __init__(self, own: Installation) -> None:
        self.own = own
        self.time = 0.0
        self.shared = SharedJobs(connection=own.connection, clock=lambda: self.time)
        self.threads: list[threading.Thread] = []

    def call(self, *tasks: int, seconds: float = 120, version: str = "m@1") -> list[Outcome]:
        """Ask for tasks, one in a job; the list gets the outcomes when they are there."""
        found: list[Outcome] = []
        payloads = [{"project": "3", "tasks": [{"id": task}]} for task in tasks]

        def ask() -> None:
            deadline = time.monotonic() + seconds
            found.extend(self.shared.outcomes(payloads, queue=INFERENCE, version=version, deadline=deadline))

        self.threads.append(threading.Thread(target=ask))
        self.threads[-1].start()
        return found

    def waiting(self) -> list[Job]:
        """The jobs in the queue of the project."""
        return [job for queue in batch_queues(self.own.connection) for job in queue.jobs]

    def finish(self, job: Job) -> None:
        """End a job as a worker would."""
        Result.create(
            job, Result.Type.SUCCESSFUL, ttl=600, return_value={**DONE, "task": job.args[0]["tasks"]}
        )

    def join(self) -> None:
        for thread in self.threads:
            thread.join()


@pytest.fixture
def callers(new_installation: MakeInstallation) -> Iterator[Callers]:
    made = Callers(new_installation())
    yield made
    made.join()


def counted(callers: Callers, count: int) -> Callable[[], bool]:
    return lambda: len(callers.waiting()) == count


def test_a_request_that_comes_again_joins_the_job_that_is_under_way(callers: Callers) -> None:
    first = callers.call(1)
    wait_until(counted(callers, 1), "the job is queued")
    second = callers.call(1)
    other = callers.call(2)
    wait_until(counted(callers, 2), "another task's job is queued")
    for job in callers.waiting():
        callers.finish(job)
    callers.join()
    assert first == second
    assert first[0].value["task"] == [{"id": 1}]
    assert other[0].value["task"] == [{"id": 2}]


def test_jobs_are_shared_one_by_one_and_outcomes_stay_in_order(callers: Callers) -> None:
    first = callers.call(1, 2, 3)
    wait_until(counted(callers, 3), "three jobs are queued")
    second = callers.call(3, 4, 1)
    wait_until(counted(callers, 4), "only one more is queued")
    for job in callers.waiting():
        callers.finish(job)
    callers.join()
    assert [one.value["task"][0]["id"] for one in first] == [1, 2, 3]
    assert [one.value["task"][0]["id"] for one in second] == [3, 4, 1]


def test_many_callers_at_once_make_one_job(callers: Callers) -> None:
    found = [callers.call(1) for _ in range(50)]
    wait_until(lambda: callers.waiting(), "a job is queued")
    (job,) = callers.waiting()
    callers.finish(job)
    callers.join()
    assert [len(one) for one in found] == [1] * 50
    # The job itself is thrown away once it was read; its place in this queue was nobody's to take.
    assert sum(queue.count for queue in batch_queues(callers.own.connection)) == 1


def test_what_was_answered_is_done_anew_when_it_is_asked_again(callers: Callers) -> None:
    callers.call(1)
    wait_until(counted(callers, 1), "the job is queued")
    (first,) = callers.waiting()
    callers.finish(first)
    callers.join()
    callers.call(1)
    wait_until(counted(callers, 1), "a job is queued again")
    (second,) = callers.waiting()
    assert second.id != first.id
    callers.finish(second)


def test_another_model_version_is_another_question(callers: Callers) -> None:
    callers.call(1)
    callers.call(1, version="m@2")
    wait_until(counted(callers, 2), "both are queued")
    for job in callers.waiting():
        callers.finish(job)


def test_a_job_leaves_the_queue_when_the_last_of_its_callers_leaves(callers: Callers) -> None:
    patient = callers.call(1)
    wait_until(counted(callers, 1), "the job is queued")
    assert [one.state for one in wait_for_end(callers, seconds=0)] == ["late"]
    (job,) = callers.waiting()
    callers.finish(job)
    callers.join()
    assert patient[0].state == "done"
    assert [one.state for one in wait_for_end(callers, seconds=0)] == ["late"]
    assert callers.waiting() == []


def wait_for_end(callers: Callers, *, seconds: float) -> list[Outcome]:
    """Ask for task 1 and come back when the answer is there."""
    found = callers.call(1, seconds=seconds)
    callers.threads[-1].join()
    return found


def began(callers: Callers) -> Job:
    """A job that began and whose only caller has left."""
    callers.call(1, seconds=3)
    wait_until(counted(callers, 1), "the job is queued")
    (job,) = callers.waiting()
    job.set_status("started")
    job.connection.lrem(f"rq:queue:{job.origin}", 1, job.id)
    callers.join()
    return job


def test_who_asks_again_after_the_deadline_gets_what_was_running_then(callers: Callers) -> None:
    job = began(callers)
    callers.finish(job)
    (outcome,) = wait_for_end(callers, seconds=60)
    assert outcome.state == "done"
    assert callers.waiting() == []


def test_what_was_left_running_long_ago_is_done_anew(callers: Callers) -> None:
    began(callers)
    callers.time = RESULT_LIFETIME + 1
    callers.call(1)
    wait_until(counted(callers, 1), "a job is queued again")
    callers.finish(callers.waiting()[0])


def test_without_a_queue_server_every_caller_is_told(callers: Callers) -> None:
    shared = SharedJobs(connection=connect("redis://127.0.0.1:9"))
    payloads: list[dict[str, Any]] = [{"project": "3", "tasks": []}]
    for _ in range(2):
        with pytest.raises(QueueUnavailableError):
            shared.outcomes(payloads, queue=INFERENCE, version="m@1", deadline=time.monotonic() + 60)


def test_an_outage_in_the_middle_leaves_nothing_behind(callers: Callers) -> None:
    raised: list[BaseException] = []

    def ask() -> None:
        payloads = [{"project": "3", "tasks": [{"id": 1}]}]
        deadline = time.monotonic() + 60
        try:
            callers.shared.outcomes(payloads, queue=INFERENCE, version="m@1", deadline=deadline)
        except QueueUnavailableError as error:
            raised.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(counted(callers, 1), "the job is queued")
    callers.own.kill_queue_server()
    thread.join()
    assert len(raised) == 1
    callers.own.start_queue_server()
    before = len(callers.waiting())
    callers.call(1)
    wait_until(counted(callers, before + 1), "the next caller's job is queued")
    for job in callers.waiting():
        callers.finish(job)
