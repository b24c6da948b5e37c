"""A batch gives way to people between two of its tasks, and goes on where it was.

What it has painted so far waits in the queue server, the job itself at the front of its queue. Who waits for
the job's result sees one job with one result.
"""

import contextlib
import json
from collections.abc import Sequence
from typing import Any

import redis
from rq import Retry
from rq.job import Job

from backend.queueing.connection import open_queue
from backend.queueing.names import INTERACTIVE, KEPT_LIFETIME


class GaveWay(Retry):  # type: ignore[misc]
    """What a job returns that has stopped between two tasks; its worker puts it back to where it was.

    RQ's own way for a job to ask for another run; no run counts as failed, and there may be any number.
    """

    def __init__(self) -> None:
        super().__init__(max=1_000_000, enqueue_at_front=True)


class InterruptedBatch:
    """What a batch has painted in its earlier runs, and whether it should stop now.

    Every run paints one task at least, so that a batch ends however many people click.

    Args:
        job: the job that runs now. One of the interactive queue gives way to nobody.

    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._interactive = job.origin == INTERACTIVE
        self._clicks = open_queue(INTERACTIVE, job.connection)
        self._key = f"zegclip:painted:{job.id}"
        self.done: list[Any] = [] if self._interactive else self._read()

    def people_wait(self) -> bool:
        """Whether somebody at the screen waits for a worker now; to be asked between two tasks."""
        if self._interactive:
            return False
        # Who cannot be asked does not wait: trouble with the queue server is met where it matters.
        with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):
            return bool(self._clicks.count)
        return False

    def give_way(self, results: Sequence[Any]) -> GaveWay:
        """Keep what this run has painted, behind what is `done`, and return what the job must return."""
        places = range(len(self.done), len(self.done) + len(results))
        # By place: written again by a worker that was thought dead, it is not there twice.
        kept = {str(place): json.dumps(result) for place, result in zip(places, results, strict=True)}
        with self._job.connection.pipeline() as pipeline:
            pipeline.hset(self._key, mapping=kept)
            pipeline.expire(self._key, KEPT_LIFETIME)
            pipeline.execute()
        return GaveWay()

    def end(self) -> None:
        """Throw away what was kept: the job's result holds it now."""
        if self.done:
            self._job.connection.delete(self._key)

    def _read(self) -> list[Any]:
        kept = self._job.connection.hgetall(self._key)
        return [json.loads(kept[str(place).encode()]) for place in range(len(kept))]
