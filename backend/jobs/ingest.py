"""The ingest job: a project's samples follow what is true in Label Studio."""

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from typing import Any

from backend.event_log import EventLog
from backend.jobs.installed_settings import installed_settings
from backend.jobs.learning_parts import extra_params_of, open_fence, open_folder, open_ingest
from backend.jobs.running_job import RunningJob
from backend.learning.ingest import ProjectGoneError
from backend.learning.stages import StageProgress
from training.registry.errors import FenceHeldError

_log = logging.getLogger(__name__)


def run_ingest(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Bring the samples of the project with the payload's `key` up to date.

    Returns the report as JSON. While the project is trained, or read by another worker, nothing is done: a
    training reads the corrections first, and the scheduler asks again for what comes later. Raises
    `LabelStudioError` when Label Studio is away; the queue tries again.
    """
    settings = installed_settings()
    folder = open_folder(str(payload["key"]), settings)
    job = RunningJob()
    with closing(EventLog(path=settings.data_dir / "events.sqlite3")) as events:
        newest = events.last(project=str(folder.number))
    ingest = open_ingest(folder, settings, extra_params_of(folder, settings, payload))
    try:
        with open_fence(folder, job):
            report = ingest.run(
                events_read=max(newest, payload.get("events", (0, 0))[0]),
                progress=lambda done, total: job.tell(
                    StageProgress(stage="reading corrections", done=done, total=total).to_document()
                ),
            )
    except FenceHeldError as error:
        _log.info("project %s: %s", folder.key, error)
        return {"outcome": "asked again later", "reason": str(error)}
    except ProjectGoneError as error:
        _log.warning("%s", error)
        return {"gone": str(error)}
    _log.info(
        "project %s: %d tasks read, %d removed, %d samples, %.1f s",
        folder.key,
        report.read,
        report.removed,
        report.samples,
        report.seconds,
    )
    return asdict(report)
