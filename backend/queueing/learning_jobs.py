"""Hand learning to the workers of learning: each cause once, nothing twice in the queue."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import redis
from rq.exceptions import DuplicateJobError
from rq.job import Job, Retry

from backend.queueing.connection import SERIALIZER, open_queue, queue_errors
from backend.queueing.names import FAILURE_LIFETIME, INGEST, LEARNING_QUEUES, RESULT_LIFETIME, TRAINING

RUN_INGEST = "backend.jobs.ingest.run_ingest"
RUN_TRAIN = "backend.jobs.train.run_train"
RUN_REPREDICT = "backend.jobs.repredict.run_repredict"
_FUNCTIONS = {"ingest": RUN_INGEST, "train": RUN_TRAIN, "repredict": RUN_REPREDICT}
_QUEUES = {"ingest": INGEST, "train": TRAINING, "repredict": TRAINING}
# Seconds. A training on a slow machine may last hours; a hung one must not block its project for ever.
_TIMEOUTS = {"ingest": 3600, "train": 24 * 3600, "repredict": 3600}
# Seconds between tries: a killed worker is replaced at once, a Label Studio that is away comes back later.
_RETRY_AFTER = [5, 60, 300, 600]


def enqueue_learning(
    kind: str,
    payload: Mapping[str, Any],
    *,
    job_id: str,
    connection: "redis.Redis",
    why: str,
    alone: bool = False,
) -> bool:
    """Put one `ingest`, `train` or `repredict` job into its queue.

    The payload is JSON with the project's `key`. Returns False when a job with this id is known already, or
    one of the kind waits for the project: it will see the newest data. With `alone`, a running one counts as
    well. Nothing is ingested while the project itself is trained. Raises `QueueUnavailableError`.
    """
    key = str(payload["key"])
    if waiting_job(kind, key, connection=connection, or_running=alone) is not None:
        return False
    if kind == "ingest" and _is_trained_now(key, connection):
        return False
    with queue_errors():
        try:
            open_queue(_QUEUES[kind], connection).enqueue_call(
                _FUNCTIONS[kind],
                args=(dict(payload),),
                timeout=_TIMEOUTS[kind],
                result_ttl=RESULT_LIFETIME,
                failure_ttl=FAILURE_LIFETIME,
                retry=Retry(max=len(_RETRY_AFTER), interval=_RETRY_AFTER),
                job_id=job_id,
                unique=True,
                description=f"{kind} project {payload['key']}: {why}",
                meta={"kind": kind, "key": payload["key"], "why": why},
            )
        except DuplicateJobError:
            return False
    return True


def enqueue_later(
    kind: str, payload: Mapping[str, Any], *, seconds: float, connection: "redis.Redis"
) -> None:
    """Queue a job of learning after a while; raises `QueueUnavailableError`."""
    with queue_errors():
        open_queue(_QUEUES[kind], connection).enqueue_in(
            timedelta(seconds=seconds),
            _FUNCTIONS[kind],
            args=(dict(payload),),
            job_timeout=_TIMEOUTS[kind],
            result_ttl=RESULT_LIFETIME,
            failure_ttl=FAILURE_LIFETIME,
            retry=Retry(max=len(_RETRY_AFTER), interval=_RETRY_AFTER),
            description=f"{kind} project {payload['key']}: goes on",
            meta={"kind": kind, "key": payload["key"], "why": "goes on"},
        )


def waiting_job(kind: str, key: str, *, connection: "redis.Redis", or_running: bool = False) -> str | None:
    """Return the id of a job of a kind that waits for a project, queued or scheduled; None when none does.

    With `or_running`, one that runs is found too.
    """
    prefix = f"{kind}-{key}-"
    with queue_errors():
        queue = open_queue(_QUEUES[kind], connection)
        ids = [*queue.get_job_ids(), *queue.scheduled_job_registry.get_job_ids()]
        if or_running:
            ids += queue.started_job_registry.get_job_ids(cleanup=False)
    return next((one for one in ids if one.startswith(prefix)), None)


def learning_jobs(connection: "redis.Redis") -> list[Job]:
    """Return running, waiting and recently ended jobs of learning, running ones first."""
    with queue_errors():
        queues = [open_queue(name, connection) for name in LEARNING_QUEUES]
        ids = [
            *(job_id for queue in queues for job_id in queue.started_job_registry.get_job_ids()),
            *(job_id for queue in queues for job_id in queue.get_job_ids()),
            *(job_id for queue in queues for job_id in queue.scheduled_job_registry.get_job_ids()),
            *(job_id for queue in queues for job_id in queue.failed_job_registry.get_job_ids()),
            *(job_id for queue in queues for job_id in queue.finished_job_registry.get_job_ids()),
        ]
        found = Job.fetch_many(list(dict.fromkeys(ids)), connection=connection, serializer=SERIALIZER)
    return [job for job in found if job is not None]


def _is_trained_now(key: str, connection: "redis.Redis") -> bool:
    with queue_errors():
        registry = open_queue(TRAINING, connection).started_job_registry
        return any(job_id.startswith(f"train-{key}-") for job_id in registry.get_job_ids(cleanup=False))
