"""The training job: from corrections to a version, resumable at every point."""

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict
from typing import Any

from backend.event_log import EventLog
from backend.images.from_settings import open_images
from backend.jobs.installed_settings import installed_settings
from backend.jobs.learning_parts import extra_params_of, open_fence, open_folder, open_ingest
from backend.jobs.running_job import RunningJob
from backend.label_studio.from_settings import open_client
from backend.learning.ingest import ProjectGoneError
from backend.learning.news import read_news
from backend.learning.preparation import Preparation
from backend.learning.project_folder import ProjectFolder
from backend.learning.train_project import ProjectTrainer, TrainerSettings, TrainingResult
from backend.logs import redact
from backend.queueing.learning_jobs import enqueue_later, enqueue_learning
from backend.settings import Settings
from training.errors import RunStoppedError
from training.gate import GateSettings
from training.registry.errors import FenceHeldError
from zegclip_core.processor import prepare_processor

_log = logging.getLogger(__name__)
# Seconds until a training that met another one of its project looks again.
_FENCE_WAIT = 20.0


def run_train(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Train the project with the payload's `key` in the run with its name `run`.

    Returns the result as JSON. A run that finds another process training, or whose worker ends, queues its
    own continuation.
    """
    settings = installed_settings()
    prepare_processor(threads=settings.threads)
    folder = open_folder(str(payload["key"]), settings)
    job = RunningJob()
    try:
        result = _trainer(folder, settings, job, payload).run(
            str(payload["run"]),
            events=_newest_events(folder, settings, payload),
            period=payload.get("period", ""),
        )
    except (FenceHeldError, RunStoppedError) as error:
        _log.info("project %s: %s", folder.key, error)
        if job.job is None:
            raise
        wait = _FENCE_WAIT if isinstance(error, FenceHeldError) else 0.0
        enqueue_later("train", payload, seconds=wait, connection=job.job.connection)
        return {"outcome": "goes on later", "reason": str(error)}
    except ProjectGoneError as error:
        _log.warning("%s", error)
        return {"outcome": "gone", "reason": str(error)}
    except Exception as error:
        # The border of a job: the queue tries again, and whoever asks meanwhile shall know why.
        folder.update_state(
            last_result=f"failed, to be tried again: {redact(str(error)) or type(error).__name__}"
        )
        raise
    _log.info("project %s: %s: %s", folder.key, result.outcome, result.reason)
    _paint_again(folder, settings, job, result, payload)
    return asdict(result)


def _trainer(
    folder: ProjectFolder, settings: Settings, job: RunningJob, payload: Mapping[str, Any]
) -> ProjectTrainer:
    extra_params = extra_params_of(folder, settings, payload)
    return ProjectTrainer(
        folder=folder,
        ingest=open_ingest(folder, settings, extra_params),
        preparation=Preparation(
            folder=folder,
            client=open_client(settings),
            images=open_images(settings),
            seen_pixels=settings.seen_pixels,
            transduction_images=settings.transduction_images,
            extra_params=extra_params,
        ),
        settings=TrainerSettings(
            model=settings.model,
            device=settings.device,
            cache_dir=settings.data_dir / "models",
            engine=settings.engine,
            iterations=settings.training_iterations,
            gate=GateSettings(smallest_gain=settings.smallest_gain),
            keep_versions=settings.keep_versions,
        ),
        fence=open_fence(folder, job),
        report=lambda progress: job.tell(progress.to_document(), stage=progress.stage),
        should_stop=job.should_stop,
    )


def _newest_events(folder: ProjectFolder, settings: Settings, payload: Mapping[str, Any]) -> tuple[int, int]:
    """Numbers of the newest event and press: of this machine's log, or as the job brought them along."""
    queued_last, queued_start = payload.get("events", (0, 0))
    starts_read = max(folder.state.starts_read, queued_start)
    with closing(EventLog(path=settings.data_dir / "events.sqlite3")) as log:
        news = read_news(log, folder.number, starts_after=starts_read)
    return max(news.last, queued_last), news.starts[-1][0] if news.starts else starts_read


def _paint_again(
    folder: ProjectFolder,
    settings: Settings,
    job: RunningJob,
    result: TrainingResult,
    payload: Mapping[str, Any],
) -> None:
    if result.outcome != "promoted" or not settings.repredict or job.job is None:
        return
    repaint = {**payload, "version": result.version}
    enqueue_learning(
        "repredict",
        repaint,
        job_id=f"repredict-{folder.key}-{result.version}",
        connection=job.job.connection,
        why=f"version {result.version} serves now",
    )
