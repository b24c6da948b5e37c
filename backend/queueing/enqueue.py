"""Hand work to the workers and wait for its result; torch-free, job functions are named, not imported."""

import itertools
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import redis
from rq import Queue
from rq.job import Job, Retry
from rq.queue import EnqueueData
from rq.results import Result

from backend.queueing.batch_queues import batch_queue_name
from backend.queueing.connection import open_queue, queue_errors
from backend.queueing.names import (
    FAILURE_LIFETIME,
    INFERENCE,
    PREDICT_RETRIES,
    PREDICT_TIMEOUT,
    RESULT_LIFETIME,
    RUN_PREDICT,
)

# Longest wait inside one blocking read; shorter than the client's time limit for an answer.
_WAIT_AT_ONCE = 2
# Jobs in one transaction: enough to save the round trips, few enough that others are served in between.
_ENQUEUED_AT_ONCE = 100
_ENDED_WELL = Result.Type.SUCCESSFUL


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended, as far as its waiter saw.

    Attributes:
        state: `done`, `failed` (the job raised, was stopped, or its worker died), or `late` (not ended yet).
        value: what the job returned, when done.
        reason: why there is no value, in words that may be shown.

    """

    state: Literal["done", "failed", "late"]
    value: Any = None
    reason: str = ""


def enqueue_predict(payload: Mapping[str, Any], *, queue: str, connection: "redis.Redis") -> Job:
    """Put one prediction job into the queue `interactive`, or for `inference` into that of its project.

    The payload must be JSON and light, without masks. Its only secret is the user and password of the
    project's task data, which a worker has from nowhere else. Raises `QueueUnavailableError`.
    """
    (job,) = enqueue_predicts([payload], queue=queue, connection=connection)
    return job


def enqueue_predicts(
    payloads: Iterable[Mapping[str, Any]], *, queue: str, connection: "redis.Redis"
) -> list[Job]:
    """Put prediction jobs of one project into their queue, many in one call of the server; in order.

    Raises `QueueUnavailableError`; jobs before the failing call are queued then.
    """
    jobs: list[Job] = []
    waiting = iter(payloads)
    while together := list(itertools.islice(waiting, _ENQUEUED_AT_ONCE)):
        name = batch_queue_name(together[0]) if queue == INFERENCE else queue
        with queue_errors():
            jobs += open_queue(name, connection).enqueue_many(map(_job_data, together))
    return jobs


def _job_data(payload: Mapping[str, Any]) -> EnqueueData:
    return Queue.prepare_data(
        RUN_PREDICT,
        args=(dict(payload),),
        timeout=PREDICT_TIMEOUT,
        result_ttl=RESULT_LIFETIME,
        failure_ttl=FAILURE_LIFETIME,
        # For jobs whose worker dies; at the front, because somebody has been waiting for them.
        retry=Retry(max=PREDICT_RETRIES, enqueue_at_front=True),
        job_id=f"predict-{uuid.uuid4().hex}",
        description=f"predict {len(payload.get('tasks', ()))} tasks of project {payload.get('project')}",
    )


def wait_for(jobs: Sequence[Job], *, deadline: float) -> list[Outcome]:
    """Wait until every job has ended or `time.monotonic()` reaches `deadline`; outcomes in the jobs' order.

    Raises `QueueUnavailableError` when the queue server goes away meanwhile.
    """
    with queue_errors():
        return [_wait_for_one(job, deadline) for job in jobs]


def give_up(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> list[Job]:
    """Take late jobs out of their queue whose results nobody waits for any more.

    Returns those that run already: they end by themselves.
    """
    running = []
    with queue_errors():
        for job, outcome in zip(jobs, outcomes, strict=True):
            status = job.get_status() if outcome.state == "late" else None
            if status == "started":
                running.append(job)
            elif status is not None:
                job.cancel()
                job.delete()
    return running


def forget(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    """Throw the results away that were read: masks of thousands of tasks would fill the queue server.

    Jobs that failed stay for the status page.
    """
    with queue_errors():
        for job, outcome in zip(jobs, outcomes, strict=True):
            if outcome.state == "done":
                job.delete(remove_from_queue=False)


def _wait_for_one(job: Job, deadline: float) -> Outcome:
    result = job.latest_result()
    while result is None:
        seconds_left = deadline - time.monotonic()
        if seconds_left <= 0:
            return Outcome("late", reason="the prediction was not ready in time")
        result = job.latest_result(timeout=max(1, min(_WAIT_AT_ONCE, int(seconds_left))))
    if result.type == _ENDED_WELL:
        return Outcome("done", value=result.return_value)
    # The last line of a traceback is the error itself; the rest is for the worker's log.
    lines = (result.exc_string or result.type.name).strip().splitlines()
    return Outcome("failed", reason=lines[-1])
