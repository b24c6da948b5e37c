"""Bring a project's samples up to date with Label Studio.

Webhooks only tell that something happened; what is true is read from the API, for all tasks. So lost, doubled
and reordered webhooks, deletions and bulk actions all come to the same samples.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from backend.errors import BackendError
from backend.images.errors import ImageError
from backend.images.source import ImageSource
from backend.label_studio.client import LabelStudioClient
from backend.label_studio.corrections import TaskState, iter_full_tasks, iter_task_states
from backend.label_studio.errors import ApiError
from backend.label_studio.label_config import LabelConfig
from backend.learning.annotations import Several
from backend.learning.project_folder import ProjectFolder
from backend.learning.project_key import key_from_api
from backend.learning.project_labels import read_config
from backend.learning.read_task import read_task
from backend.learning.sample import Sample
from backend.learning.sample_store import (
    SampleStore,
    TaskRecord,
    digest_of,
    mask_digests,
    new_corrections,
)

_MOST_PROBLEMS = 50


class ProjectGoneError(BackendError):
    """Label Studio has no such project any more, or another one under its number."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did.

    Attributes:
        read: tasks that were read because they had changed.
        removed: tasks that are gone, or have no annotation any more.
        samples: samples in the store afterwards.
        problems: what could not be read, in words.
        seconds: how long it took.

    """

    read: int
    removed: int
    samples: int
    problems: tuple[str, ...]
    seconds: float


class Ingest:
    """Reads one project's corrections.

    Args:
        client: Label Studio.
        images: fetches the tasks' images.
        folder: the project's learning folder.
        several: which annotations count when a task has several and none is ground truth.
        extra_params: the project's settings for the backend.

    """

    def __init__(
        self,
        *,
        client: LabelStudioClient,
        images: ImageSource,
        folder: ProjectFolder,
        several: Several = "newest",
        extra_params: Any = None,
    ) -> None:
        self._client = client
        self._images = images
        self._folder = folder
        self._several = several
        self._extra_params = extra_params
        self._store = SampleStore(files=folder.samples)

    def run(
        self, *, events_read: int = 0, progress: Callable[[int, int], object] = lambda done, total: None
    ) -> IngestReport:
        """Read what changed.

        Args:
            events_read: number of the last event that was stored before this call.
            progress: called with tasks read so far and tasks to read.

        Raises `LabelStudioError` when Label Studio is away (what was read stays, the next run goes on), and
        `ProjectGoneError`, after writing that down.

        """
        started = time.monotonic()
        config = self._label_config(events_read)
        known = self._store.tasks()
        states = {state.id: state for state in iter_task_states(self._client, self._folder.number)}
        gone = [task for task in known if not _is_annotated(states.get(task))]
        for task in gone:
            self._store.remove_task(task)
        changed = [
            state
            for state in states.values()
            if state.annotated and (state.id not in known or known[state.id].fingerprint != state.fingerprint)
        ]
        problems = self._read(changed, config, progress)
        self._store.sweep()
        masks = mask_digests(self._store.samples())
        state = self._folder.state
        self._folder.update_state(
            events_read=max(events_read, state.events_read),
            new_corrections=new_corrections(masks, state.trained_masks),
            corrections_digest=digest_of(masks),
            ingested_at=time.time(),
            problems=tuple(problems[:_MOST_PROBLEMS]),
            gone=False,
        )
        seconds = time.monotonic() - started
        return IngestReport(len(changed), len(gone), len(masks), tuple(problems), seconds)

    def _label_config(self, events_read: int) -> LabelConfig:
        number = self._folder.number
        try:
            project = self._client.project(number)
        except ApiError as error:
            if error.status != 404:
                raise
            reason = f"project {number} is deleted in Label Studio: its samples stay here"
            raise self._gone(reason, events_read) from None
        if key_from_api(project) != self._folder.key:
            raise self._gone(
                f"project {number} of Label Studio at {self._client.origin.url} is not the one that was "
                "learned from (it was made at another time): the samples are not mixed",
                events_read,
            )
        return read_config(str(project["label_config"]), self._extra_params)

    def _gone(self, reason: str, events_read: int) -> ProjectGoneError:
        self._folder.update_state(
            gone=True, problems=(reason,), events_read=max(events_read, self._folder.state.events_read)
        )
        return ProjectGoneError(reason)

    def _read(
        self, changed: list[TaskState], config: LabelConfig, progress: Callable[[int, int], object]
    ) -> list[str]:
        known = self._store.tasks()
        fingerprints = {state.id: state.fingerprint for state in changed}
        problems: list[str] = []
        tasks = iter_full_tasks(self._client, self._folder.number, list(fingerprints))
        for done, task in enumerate(tasks, start=1):
            samples: tuple[Sample, ...] = ()
            try:
                samples, unread = read_task(
                    task,
                    config,
                    store=self._store,
                    images=self._images,
                    several=self._several,
                    project=str(self._folder.number),
                )
                problems += unread
            except ImageError as error:
                problems.append(f"task {task['id']}: {error}")
                if error.passing:
                    # Without a record the next ingest tries again.
                    continue
            number = int(task["id"])
            if number in known:
                samples = tuple(_with_history(sample, known[number]) for sample in samples)
            self._store.put_task(TaskRecord(number, fingerprints[number], samples))
            progress(done, len(changed))
        return problems


def _with_history(sample: Sample, known: TaskRecord) -> Sample:
    """Keep what is known of the prediction behind a correction when Label Studio has deleted it meanwhile."""
    before = next((one for one in known.samples if one.name == sample.name), None)
    if sample.model_version is not None or before is None or before.mask != sample.mask:
        return sample
    # The same numbers under other names are another correction: a region that only got another label.
    if before.labels[: len(sample.labels)] != sample.labels:
        return sample
    return replace(
        sample,
        labels=before.labels,
        model_version=before.model_version,
        predicted_mask=before.predicted_mask,
        regions=before.regions,
        pixels=before.pixels,
    )


def _is_annotated(state: TaskState | None) -> bool:
    return state is not None and state.annotated
