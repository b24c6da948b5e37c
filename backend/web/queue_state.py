"""What the queue server knows about workers and jobs, as plain values."""

from typing import Any

import redis
from rq import Queue, Worker
from rq.job import Job

from backend.logs import redact
from backend.queueing.batch_queues import batch_queues
from backend.queueing.connection import SERIALIZER, open_queue, queue_errors
from backend.queueing.job_progress import progress_words
from backend.queueing.names import INFERENCE

_FAILURES_SHOWN = 20


def workers(connection: "redis.Redis") -> list[dict[str, Any]]:
    """Describe every worker that is alive; raises `QueueUnavailableError`."""
    with queue_errors():
        return [
            {
                "name": worker.name,
                "queues": worker.queue_names(),
                "state": str(worker.get_state()),
                "current_job": worker.get_current_job_id(),
                "done": worker.successful_job_count,
                "failed": worker.failed_job_count,
            }
            for worker in Worker.all(connection=connection, serializer=SERIALIZER)
        ]


def queue_counts(name: str, connection: "redis.Redis") -> dict[str, int]:
    """Count a queue's jobs by state, all projects together; raises `QueueUnavailableError`."""
    with queue_errors():
        queues = _queues(name, connection)
        return {
            "waiting": sum(queue.count for queue in queues),
            "running": sum(queue.started_job_registry.get_job_count(cleanup=False) for queue in queues),
            "failed": sum(queue.failed_job_registry.get_job_count(cleanup=False) for queue in queues),
        }


def running(name: str, connection: "redis.Redis") -> list[dict[str, Any]]:
    """Describe the jobs of a queue that are being worked on; raises `QueueUnavailableError`."""
    with queue_errors():
        # Jobs of dead workers are the workers' own business: looking must not move anything.
        ids = [
            job_id
            for queue in _queues(name, connection)
            for job_id in queue.started_job_registry.get_job_ids(cleanup=False)
        ]
        found = Job.fetch_many(ids, connection=connection, serializer=SERIALIZER)
        return [{**describe(one), "progress": progress_words(one)} for one in found if one is not None]


def failures(name: str, connection: "redis.Redis") -> list[dict[str, Any]]:
    """Describe the failed jobs of a queue, the last ones first; raises `QueueUnavailableError`."""
    with queue_errors():
        ids = [
            job_id
            for queue in _queues(name, connection)
            for job_id in queue.failed_job_registry.get_job_ids(0, _FAILURES_SHOWN - 1, desc=True)
        ]
        found = Job.fetch_many(ids, connection=connection, serializer=SERIALIZER)
        described = [describe(one) for one in found if one is not None]
    return sorted(described, key=lambda one: one["ended_at"] or "", reverse=True)[:_FAILURES_SHOWN]


def _queues(name: str, connection: "redis.Redis") -> list[Queue]:
    return batch_queues(connection) if name == INFERENCE else [open_queue(name, connection)]


def describe(one: Job) -> dict[str, Any]:
    """Describe a job, with the last line of its error."""
    result = one.latest_result()
    lines = (result.exc_string or "").strip().splitlines() if result else []
    return {
        "id": one.id,
        "state": one.get_status(refresh=False).value,
        "description": one.description,
        "enqueued_at": one.enqueued_at.isoformat() if one.enqueued_at else None,
        "ended_at": one.ended_at.isoformat() if one.ended_at else None,
        "reason": redact(lines[-1]) if lines else None,
    }
