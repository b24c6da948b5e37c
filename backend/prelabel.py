"""Paint every task of a project through the queue and store the predictions in Label Studio.

Label Studio itself is the journal: a task that has a prediction of the version is done, so an interrupted run
starts again where it ended and does nothing twice.
"""

import functools
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
from rq.job import Job

from backend.errors import QueueUnavailableError
from backend.images.credentials import read_credentials
from backend.label_studio.client import LabelStudioClient, LightTask, TaskPage
from backend.label_studio.patience import with_patience
from backend.prediction_store import PredictionStore, TaskFailure
from backend.queueing.enqueue import Outcome, enqueue_predict, forget, give_up, wait_for
from backend.queueing.names import INFERENCE, PREDICT_TIMEOUT

# One is painted, of one the first image is fetched meanwhile, of one the predictions are stored.
_IN_FLIGHT_PER_WORKER = 3
# Predictions are stored together, but nobody who watches the project shall wait for long.
_STORE_SECONDS = 2.0


@dataclass(slots=True)
class PrelabelReport:
    """What a run did.

    Attributes:
        done: tasks that have a new prediction.
        regions: regions in those.
        skipped: tasks that had one of this version already.
        failures: tasks that could not be painted.
        seconds: how long it took.

    """

    done: int = 0
    regions: int = 0
    skipped: int = 0
    failures: list[TaskFailure] = field(default_factory=list)
    seconds: float = 0.0


class Prelabeller:
    """One run over one project.

    Args:
        client: Label Studio.
        connection: the queue server.
        project: the project's number.
        project_key: tells which model serves it; None for the base model.
        model_version: what the workers' predictions will carry.
        batch_size: tasks in one job.
        workers: inference workers alive, which tells how many jobs to keep in flight.
        extra_params: the project's settings for the backend.
        page_size: tasks in one page of Label Studio's list.
        store_seconds: how long predictions are held back at most, to store many in one call.
        sleep: waits between the tries of a call that Label Studio does not answer.

    """

    def __init__(
        self,
        *,
        client: LabelStudioClient,
        connection: "redis.Redis",
        project: int,
        model_version: str,
        batch_size: int,
        workers: int,
        extra_params: Any = None,
        project_key: str | None = None,
        page_size: int = 100,
        store_seconds: float = _STORE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._connection = connection
        self._project = project
        self._model_version = model_version
        self._batch_size = batch_size
        self._in_flight = max(1, workers) * _IN_FLIGHT_PER_WORKER
        self._extra_params = extra_params
        self._project_key = project_key
        self._credentials: dict[str, str] | None = None
        self._page_size = page_size
        self._sleep = sleep
        self._store = PredictionStore(client, project, seconds=store_seconds, sleep=sleep)
        self.report = PrelabelReport()

    def run(
        self,
        *,
        tasks: Iterable[LightTask] | None = None,
        limit: int | None = None,
        progress: Callable[[int], object] = lambda _: None,
    ) -> PrelabelReport:
        """Paint what is not painted yet.

        Args:
            tasks: these tasks, in this order; None for all of the project that lack the version.
            limit: at most this many tasks.
            progress: called with the number of tasks that have just been painted, skipped or have failed.

        Raises `LabelStudioError` or `QueueUnavailableError` when it cannot go on; what was stored stays, and
        what was painted but not stored is stored then, if Label Studio answers at once.

        """
        started = time.monotonic()
        project = self._client.project(self._project)
        label_config = str(project["label_config"])
        credentials = read_credentials(project, prefix="task_data_")
        self._credentials = credentials.as_json() if credentials else None
        waiting: deque[tuple[list[LightTask], Job]] = deque()
        try:
            for batch in _batches(
                self._missing(progress) if tasks is None else tasks, self._batch_size, limit
            ):
                waiting.append((batch, self._enqueue(batch, label_config)))
                if len(waiting) >= self._in_flight:
                    self._finish(*waiting.popleft(), progress)
            while waiting:
                self._finish(*waiting.popleft(), progress)
                # No images are asked for any more that this would hold up, and the end comes sooner.
                self._store.store()
        finally:
            self._store.rescue()
            self._tell()
            late = [job for _, job in waiting]
            if late:
                _abandon(late)
            self.report.seconds = time.monotonic() - started
        return self.report

    def _missing(self, progress: Callable[[int], object]) -> Iterator[LightTask]:
        for number in itertools.count(1):
            page = with_patience(functools.partial(self._page, number), sleep=self._sleep)
            for task in page.tasks:
                if self._model_version in task.model_versions:
                    self.report.skipped += 1
                    progress(1)
                else:
                    yield task
            if page.is_last:
                return

    def _page(self, number: int) -> TaskPage:
        return self._client.task_page(self._project, number, page_size=self._page_size)

    def _enqueue(self, batch: Sequence[LightTask], label_config: str) -> Job:
        payload = {
            "tasks": [{"id": task.id, "data": dict(task.data)} for task in batch],
            "label_config": label_config,
            "project": str(self._project),
            "project_key": self._project_key,
            "context": None,
            "credentials": self._credentials,
            "extra_params": self._extra_params,
        }
        return enqueue_predict(payload, queue=INFERENCE, connection=self._connection)

    def _finish(self, batch: Sequence[LightTask], job: Job, progress: Callable[[int], object]) -> None:
        deadline = time.monotonic() + PREDICT_TIMEOUT
        outcome = wait_for([job], deadline=deadline)[0]
        forget([job], [outcome])
        good = []
        for task, item in zip(batch, _items(outcome, len(batch)), strict=True):
            error = item.get("error")
            if error is not None:
                self.report.failures.append(TaskFailure(task.id, str(error["kind"]), str(error["message"])))
            else:
                good.append({**item, "task": task.id})
        self._store.add(good)
        progress(len(batch))

    def _tell(self) -> None:
        self.report.done, self.report.regions = self._store.done, self._store.regions
        self.report.failures += self._store.refused


def _items(outcome: Outcome, count: int) -> list[dict[str, Any]]:
    results = outcome.value.get("results") if isinstance(outcome.value, Mapping) else None
    if outcome.state == "done" and isinstance(results, list) and len(results) == count:
        return results
    error = {"kind": "passing", "message": outcome.reason or "the worker returned no predictions"}
    return [{"error": error} for _ in range(count)]


def _batches(tasks: Iterable[LightTask], size: int, limit: int | None) -> Iterator[list[LightTask]]:
    batch: list[LightTask] = []
    for number, task in enumerate(tasks, start=1):
        batch.append(task)
        if len(batch) == size or number == limit:
            yield batch
            batch = []
        if number == limit:
            return
    if batch:
        yield batch


def _abandon(jobs: Sequence[Job]) -> None:
    """Take back what still waits; when the queue itself is gone there is nothing to take back."""
    try:
        give_up(jobs, [Outcome("late")] * len(jobs))
    except QueueUnavailableError:
        return
