"""Whether a worker beside this process is alive, for the health checks of container engines."""

import redis

from backend.errors import BackendError
from backend.queueing.workers import alive_workers
from backend.worker.names import is_neighbour


class NoNeighbourError(BackendError):
    """No worker of the kind is alive beside this process."""


def require_neighbour(kind: str, connection: "redis.Redis") -> str:
    """Return the name of a living worker of a kind (`inference`, `training`) in this container or machine.

    Raises `NoNeighbourError`, or `QueueUnavailableError` when the queue server cannot be asked.
    """
    for worker in alive_workers(connection):
        if worker.name.startswith(f"{kind}-") and is_neighbour(worker.name):
            return str(worker.name)
    raise NoNeighbourError(f"no {kind} worker of this machine tells the queue server that it lives")
