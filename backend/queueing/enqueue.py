"""Hand work to the workers and wait for its result; torch-free, job functions are named, not imported."""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import redis
from rq.job import Job, Retry
from rq.results import Result

from backend.queueing.connection import open_queue, queue_errors
from backend.queueing.names import (
    FAILURE_LIFETIME,
    PREDICT_RETRIES,
    PREDICT_TIMEOUT,
    RESULT_LIFETIME,
    RUN_PREDICT,
)

# Longest wait inside one blocking read; shorter than the client's time limit for an answer.
_WAIT_AT_ONCE = 2
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
    """Put one prediction job into a queue (`interactive` or `inference`).

    The payload must be JSON and light: no masks and no secrets. Raises `QueueUnavailableError`.
    """
    with queue_errors():
        return open_queue(queue, connection).enqueue_call(
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


def give_up(jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
    """Take jobs out of their queue whose results nobody waits for any more; a running one ends by itself."""
    with queue_errors():
        for job, outcome in zip(jobs, outcomes, strict=True):
            if outcome.state == "late" and job.get_status() not in (None, "started"):
                job.cancel()
                job.delete()


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
