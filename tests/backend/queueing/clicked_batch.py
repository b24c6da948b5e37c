"""A batch without a model, into which people click at tasks that its payload names."""

import os
import signal
from collections.abc import Mapping
from typing import Any

from rq import get_current_job
from rq.job import Job

from backend.queueing.connection import open_queue
from backend.queueing.giving_way import GaveWay, InterruptedBatch
from backend.queueing.names import INTERACTIVE

PAINT = f"{__name__}.paint"
CLICK = f"{__name__}.click"
# A list of everything that was begun, in order.
BEGUN = "begun"


def paint(payload: Mapping[str, Any]) -> dict[str, Any] | GaveWay:
    """Write down each task, and do what `at` says of it: `click`, `die` (once), `delete`, `lose`."""
    job = get_current_job()
    assert job is not None
    batch = InterruptedBatch(job)
    painted: list[str] = []
    for place in range(len(batch.done), len(payload["tasks"])):
        if painted and batch.people_wait():
            return batch.give_way(painted)
        name = f"{payload['project']}-{place}"
        job.connection.rpush(BEGUN, name)
        for deed in payload["at"].get(str(place), ()):
            _DEEDS[deed](job)
        painted.append(name)
    batch.end()
    return {"results": [*batch.done, *painted]}


def click(clicks_after: int = 0) -> None:
    """A person's question; its answer makes them ask so many more, one after the other."""
    job = get_current_job()
    assert job is not None
    job.connection.rpush(BEGUN, "click")
    if clicks_after:
        open_queue(INTERACTIVE, job.connection).enqueue(CLICK, clicks_after - 1)


def _click(job: Job) -> None:
    open_queue(INTERACTIVE, job.connection).enqueue(CLICK)


def _click_on_and_on(job: Job) -> None:
    open_queue(INTERACTIVE, job.connection).enqueue(CLICK, 100)


def _die_once(job: Job) -> None:
    if job.connection.set("has died", "yes", nx=True):
        os.kill(os.getpid(), signal.SIGKILL)


def _lose(job: Job) -> None:
    """As after a silence so long that another worker has the job now."""
    job.connection.delete(job.started_job_registry.key)


_DEEDS = {
    "click": _click,
    "click on and on": _click_on_and_on,
    "die once": _die_once,
    "delete": Job.delete,
    "lose": _lose,
}
