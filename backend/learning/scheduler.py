"""The small loop that looks at what is due and queues it; any number of them may run."""

import logging
import threading
import time
from collections.abc import Callable

import redis

from backend.errors import QueueUnavailableError
from backend.event_log import EventLog
from backend.learning.learning_storage import open_learning
from backend.learning.news import read_news
from backend.learning.trigger import DueJob, TriggerSettings, due_jobs
from backend.projects import ProjectStore
from backend.queueing.learning_jobs import enqueue_learning
from backend.settings import Settings
from training.storage.errors import StorageAwayError

_log = logging.getLogger(__name__)


class Scheduler:
    """Queues ingests and trainings for every project that Label Studio has described.

    Args:
        settings: where the data lie and when training starts.
        connection: the queue server.
        clock: seconds since 1970.

    """

    def __init__(
        self, *, settings: Settings, connection: "redis.Redis", clock: Callable[[], float] = time.time
    ) -> None:
        self._learning = open_learning(settings)
        self._projects = ProjectStore(folder=settings.data_dir / "projects")
        self._events = EventLog(path=settings.data_dir / "events.sqlite3")
        self._trigger = TriggerSettings(train_after=settings.train_after, schedule=settings.train_schedule)
        self._pause = settings.scheduler_seconds
        self._connection = connection
        self._clock = clock
        self._stop = threading.Event()

    def run(self) -> None:
        """Look again and again until `request_stop`; an outage of the queue is waited out."""
        while not self._stop.is_set():
            try:
                self.look()
            except (QueueUnavailableError, StorageAwayError) as error:
                _log.warning("nothing is queued for now: %s", error)
            self._stop.wait(self._pause)
        self._events.close()

    def request_stop(self) -> None:
        """Make `run` return; may be called from a signal handler."""
        self._stop.set()

    def look(self) -> list[DueJob]:
        """Queue what is due now and return what was new; raises `QueueUnavailableError`."""
        queued = []
        projects = {project.key: project for project in self._projects.all() if project.key}
        for key, project in sorted(projects.items()):
            folder = self._learning.project(key)
            state = folder.state
            news = read_news(self._events, folder.number, starts_after=state.starts_read)
            for job in due_jobs(key, state, news, now=self._clock(), settings=self._trigger):
                payload = {
                    "key": key,
                    "run": job.job_id,
                    "why": job.why,
                    "period": job.period,
                    # A training worker on another machine has neither the log nor the description.
                    "events": (news.last, news.starts[-1][0] if news.starts else state.starts_read),
                    "extra_params": project.extra_params,
                }
                if enqueue_learning(
                    job.kind,
                    payload,
                    job_id=job.job_id,
                    connection=self._connection,
                    why=job.why,
                    alone=job.alone,
                ):
                    _log.info("project %s: %s, because %s", key, job.kind, job.why)
                    queued.append(job)
        return queued
