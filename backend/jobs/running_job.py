"""The job that runs now: what it tells about itself, and whether its worker was asked to end."""

import contextlib
import time
from typing import Any

import redis
from rq import Worker, get_current_job
from rq.job import Job

_PAUSE_SECONDS = 1.0


class RunningJob:
    """Writes progress into the job's record and asks for a stop, each at most once a second.

    Outside a worker it does nothing.
    """

    def __init__(self) -> None:
        self.job: Job | None = get_current_job()
        self._told_at = 0.0
        self._told_what: object = None
        self._asked_at = 0.0
        self._stop = False

    def tell(self, progress: dict[str, Any], *, stage: object = None) -> None:
        """Keep progress for the status page and `zegclip jobs`; a new stage is always written."""
        now = time.monotonic()
        if self.job is None or (now - self._told_at < _PAUSE_SECONDS and stage == self._told_what):
            return
        self._told_at, self._told_what = now, stage
        self.job.meta["progress"] = progress
        # A queue server that is away for a moment must not end an hour of training.
        with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):
            self.job.save_meta()

    def should_stop(self) -> bool:
        """Whether the worker got SIGTERM and waits for this job to end."""
        now = time.monotonic()
        if self.job is None or self._stop or now - self._asked_at < _PAUSE_SECONDS:
            return self._stop
        self._asked_at = now
        key = f"{Worker.redis_worker_namespace_prefix}{self.job.worker_name}"
        with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):
            self._stop = self.job.connection.hexists(key, "shutdown_requested_date")
        return self._stop
