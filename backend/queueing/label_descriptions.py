"""How labelling configurations are understood, asked of a worker once for each configuration."""

import hashlib
import json
from typing import Any

import redis
from rq.exceptions import DuplicateJobError, NoSuchJobError
from rq.job import Job
from rq.results import Result

from backend.queueing.connection import SERIALIZER, open_queue, queue_errors
from backend.queueing.names import INFERENCE, RUN_DESCRIBE_LABELS

_LIFETIME = 24 * 3600
_TIMEOUT = 60
_WAIT_SECONDS = 1


def label_description(
    label_config: str, extra_params: Any, *, connection: "redis.Redis", wait: bool
) -> dict[str, Any] | None:
    """Return what `backend.jobs.describe_labels` tells, or None while no worker has told it yet.

    Args:
        label_config: the labelling configuration (XML).
        extra_params: the project's settings for the backend.
        connection: the queue server.
        wait: whether to wait for a second when it was not asked before.

    Raises `QueueUnavailableError`.

    """
    text = json.dumps([label_config, extra_params], sort_keys=True)
    job_id = f"labels-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    with queue_errors():
        try:
            job = Job.fetch(job_id, connection=connection, serializer=SERIALIZER)
        except NoSuchJobError:
            job = _ask(job_id, label_config, extra_params, connection)
        result = job.latest_result(timeout=_WAIT_SECONDS if wait else 0)
    if result is None or result.type != Result.Type.SUCCESSFUL:
        return None
    described: dict[str, Any] = result.return_value
    return described


def _ask(job_id: str, label_config: str, extra_params: Any, connection: "redis.Redis") -> Job:
    try:
        # Behind the clicks: the first configuration of an empty data folder takes seconds.
        return open_queue(INFERENCE, connection).enqueue_call(
            RUN_DESCRIBE_LABELS,
            args=(label_config, extra_params),
            timeout=_TIMEOUT,
            result_ttl=_LIFETIME,
            failure_ttl=_LIFETIME,
            job_id=job_id,
            unique=True,
            description="read a labelling configuration",
        )
    except DuplicateJobError:
        return Job.fetch(job_id, connection=connection, serializer=SERIALIZER)
