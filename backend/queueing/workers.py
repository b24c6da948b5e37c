"""Who works on which queue now."""

from collections.abc import Collection

import redis
from rq import Worker

from backend.errors import QueueError
from backend.queueing.connection import SERIALIZER, queue_errors
from backend.queueing.names import INFERENCE


class NoWorkersError(QueueError):
    """Jobs would wait for ever."""


def alive_workers(connection: "redis.Redis") -> list[Worker]:
    """Return the workers whose heartbeat is not older than their lifetime; raises `QueueUnavailableError`."""
    with queue_errors():
        return list(Worker.all(connection=connection, serializer=SERIALIZER))


def count_workers(connection: "redis.Redis", queues: Collection[str] = (INFERENCE,)) -> int:
    """Return how many workers serve at least one of the queues."""
    return sum(bool(set(queues) & set(worker.queue_names())) for worker in alive_workers(connection))


def require_inference_workers(connection: "redis.Redis") -> int:
    """Return how many inference workers there are; raises `NoWorkersError` when there is none."""
    found = count_workers(connection)
    if not found:
        raise NoWorkersError(
            "no inference worker is alive: run `zegclip start`, or `zegclip worker inference` on any machine "
            "with the same REDIS_URL"
        )
    return found
