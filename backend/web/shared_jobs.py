"""Identical predict requests wait for one and the same job: what is asked again is not done again.

Label Studio asks again after a broken connection, people load a page anew. The web process is one process,
so a table in its memory is enough; a second one beside it would only do such work once more.
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import redis
from rq.job import Job

from backend.queueing.enqueue import Outcome, enqueue_predicts, forget, give_up, wait_for
from backend.queueing.names import RESULT_LIFETIME


@dataclass(slots=True)
class _Shared:
    """One job and how many requests wait for it: none for one that ran on when nobody waited any longer."""

    job: "Future[Job]" = field(default_factory=Future)
    waiters: int = 0
    left_at: float = 0.0


class SharedJobs:
    """The prediction jobs that the requests of this process wait for.

    Args:
        connection: the queue server.
        clock: seconds that only grow.

    """

    def __init__(self, *, connection: "redis.Redis", clock: Callable[[], float] = time.monotonic) -> None:
        self._connection = connection
        self._clock = clock
        self._lock = threading.Lock()
        self._shared: dict[str, _Shared] = {}

    def outcomes(
        self, payloads: Sequence[Mapping[str, Any]], *, queue: str, version: str, deadline: float
    ) -> list[Outcome]:
        """Queue what is not under way already, wait for all of it, and return how it ended, in order.

        Late jobs that nobody else waits for leave the queue. One that runs already is kept in mind: whoever
        asks the same again gets its result.

        Args:
            payloads: one request's, of one project.
            queue: `interactive` or `inference`.
            version: serves the project now; a job that began with another one is not waited for.
            deadline: of `time.monotonic()`.

        Raises `QueueUnavailableError`.

        """
        digests = [_digest(payload, queue, version) for payload in payloads]
        shared, new = self._join(digests)
        try:
            self._enqueue({d: p for d, p in zip(digests, payloads, strict=True) if d in new}, queue)
            jobs = [one.job.result() for one in shared]
            outcomes = wait_for(jobs, deadline=deadline)
        except BaseException:
            self._count_down(digests)
            raise
        self._leave(digests, jobs, outcomes)
        return outcomes

    def _join(self, digests: Sequence[str]) -> tuple[list[_Shared], set[str]]:
        """Wait for each job; returns them, and which of them are to be queued."""
        with self._lock:
            oldest = self._clock() - RESULT_LIFETIME
            for digest in [d for d, one in self._shared.items() if not one.waiters and one.left_at < oldest]:
                # Its result may have been thrown away by now.
                del self._shared[digest]
            new = set(digests) - set(self._shared)
            self._shared.update({digest: _Shared() for digest in new})
            for digest in digests:
                self._shared[digest].waiters += 1
            return [self._shared[digest] for digest in digests], new

    def _enqueue(self, new: Mapping[str, Mapping[str, Any]], queue: str) -> None:
        # Not under the lock: while the queue server hangs, nobody shall wait for another one's call.
        waiting = [self._shared[digest].job for digest in new]
        try:
            jobs = enqueue_predicts(new.values(), queue=queue, connection=self._connection)
        except BaseException as error:
            for one in waiting:
                one.set_exception(error)
            raise
        for one, job in zip(waiting, jobs, strict=True):
            one.set_result(job)

    def _count_down(self, digests: Sequence[str]) -> set[str]:
        """Wait for each job no longer; returns those that nobody waits for now, which are forgotten."""
        alone = set()
        with self._lock:
            for digest in digests:
                self._shared[digest].waiters -= 1
                if not self._shared[digest].waiters:
                    del self._shared[digest]
                    alone.add(digest)
        return alone

    def _leave(self, digests: Sequence[str], jobs: Sequence[Job], outcomes: Sequence[Outcome]) -> None:
        alone = self._count_down(digests)
        ended = [one for one in zip(digests, jobs, outcomes, strict=True) if one[0] in alone]
        ended_jobs, ended_outcomes = [job for _, job, _ in ended], [outcome for *_, outcome in ended]
        forget(ended_jobs, ended_outcomes)
        running = give_up(ended_jobs, ended_outcomes)
        with self._lock:
            for digest, job, _ in ended:
                if job in running and digest not in self._shared:
                    self._shared[digest] = _Shared(left_at=self._clock())
                    self._shared[digest].job.set_result(job)


def _digest(payload: Mapping[str, Any], queue: str, version: str) -> str:
    text = json.dumps([queue, version, payload], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
