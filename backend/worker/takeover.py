"""Jobs of workers that died beside this one: given back at once, not only when their silence is noticed."""

import logging
import os

import redis
from rq import Worker

from backend.queueing.workers import alive_workers
from backend.worker.names import is_neighbour

_log = logging.getLogger(__name__)
_LOCK = "zegclip:takeover"
_LOCK_SECONDS = 30
_LONG_AGO = 1


def take_over_jobs_of_dead_neighbours(connection: "redis.Redis") -> list[str]:
    """Give the jobs of dead workers of this machine back to their queues; returns their ids.

    A job that has used up its retries fails instead. Workers of other machines, or of other containers, are
    left to RQ's maintenance, which waits until they have been silent for a while.
    """
    given_back: list[str] = []
    with connection.lock(_LOCK, timeout=_LOCK_SECONDS):
        for worker in alive_workers(connection):
            if is_neighbour(worker.name) and not _lives(worker.pid):
                given_back += _give_back(worker, connection)
    return given_back


def _give_back(worker: Worker, connection: "redis.Redis") -> list[str]:
    given_back = []
    for execution in worker.get_current_executions():
        registry = execution.job.started_job_registry
        # As if its lifetime had run out long ago: RQ's own rules then decide between retry and failure.
        connection.zadd(registry.key, {execution.composite_key: _LONG_AGO}, xx=True)
        registry.cleanup()
        given_back.append(execution.job_id)
    worker.register_death()
    _log.warning("worker %s is dead: %d of its jobs go on elsewhere", worker.name, len(given_back))
    return given_back


def _lives(pid: int) -> bool:
    # A new process may have got the dead one's id: then RQ's maintenance finds the job.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
