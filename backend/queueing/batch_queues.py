"""Batches wait in a queue of their project; workers take from all of these in turns.

So whoever paints a hundred thousand tasks shares the workers with the others, however late those come.
RQ moves the jobs; this module tells it which queues there are now, and in which order to look.
"""

import hashlib
import random
import re
from collections.abc import Iterable, Mapping
from typing import Any

import redis
from rq import Queue
from rq.job import Job

from backend.queueing.connection import SERIALIZER, open_queue
from backend.queueing.names import INFERENCE, INTERACTIVE

# Seconds after which an idle worker looks whether a project has begun its first batch.
LOOK_SECONDS = 0.2
_PREFIX = f"{INFERENCE}-"
_PLAIN = re.compile(r"[A-Za-z0-9-]{1,40}")


def batch_queue_name(payload: Mapping[str, Any]) -> str:
    """Return the queue in which the batches of a prediction payload's project wait."""
    project = str(payload.get("project_key") or payload.get("project") or "")
    if not project:
        return INFERENCE
    # Whatever a caller names a project, RQ joins the names of queues by commas.
    plain = _PLAIN.fullmatch(project)
    return _PREFIX + (project if plain else hashlib.sha256(project.encode()).hexdigest()[:24])


def batch_queues(connection: "redis.Redis") -> list[Queue]:
    """Return the queues of batches that exist now: the one without a project, then one for each project."""
    return [open_queue(name, connection) for name in (INFERENCE, *_project_queue_names(connection))]


def forget_ended_queues(connection: "redis.Redis") -> None:
    """Take projects that have no job left from the list of queues; their next batch puts them back."""
    for queue in batch_queues(connection)[1:]:
        if _holds_jobs(queue):
            continue
        connection.srem(Queue.redis_queues_keys, queue.key)
        # A batch may have come between the look and the removal.
        if queue.count:
            connection.sadd(Queue.redis_queues_keys, queue.key)


class TurnsQueue(Queue):  # type: ignore[misc]
    """The queue class of inference workers: the interactive queue first, or last; batches in random order.

    Every project with a waiting batch is equally likely to be next: RQ's random strategy, over the queues
    that exist at this moment.
    """

    @classmethod
    def dequeue_any(
        cls, queues: Iterable[Queue], timeout: int | None, connection: "redis.Redis", **options: Any
    ) -> tuple[Job, Queue] | None:
        """Return the next job and its queue; raises `DequeueTimeout` after a short while without any."""
        names = [queue.name for queue in queues]
        batches = list({*names, *_project_queue_names(connection)} - {INTERACTIVE})
        random.shuffle(batches)
        clicks = [INTERACTIVE] if INTERACTIVE in names else []
        order = clicks + batches if names[0] == INTERACTIVE else batches + clicks
        in_order = [cls(name, connection=connection, serializer=SERIALIZER) for name in order]
        wait = None if timeout is None else min(timeout, LOOK_SECONDS)
        found: tuple[Job, Queue] | None = super().dequeue_any(
            in_order, wait, connection=connection, **options
        )
        return found


def _project_queue_names(connection: "redis.Redis") -> list[str]:
    names = [queue.name for queue in Queue.all(connection=connection, serializer=SERIALIZER)]
    return sorted(name for name in names if name.startswith(_PREFIX))


def _holds_jobs(queue: Queue) -> bool:
    return bool(
        queue.count
        or queue.started_job_registry.get_job_count(cleanup=False)
        or queue.failed_job_registry.get_job_count(cleanup=False)
        or queue.finished_job_registry.get_job_count(cleanup=False)
    )
