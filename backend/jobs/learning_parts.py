"""What jobs of learning need, made from the settings of the worker that runs them."""

from collections.abc import Mapping
from typing import Any

from backend.images.from_settings import open_images
from backend.jobs.running_job import RunningJob
from backend.label_studio.from_settings import open_client
from backend.learning.ingest import Ingest
from backend.learning.learning_storage import open_learning
from backend.learning.project_folder import ProjectFolder
from backend.projects import ProjectStore
from backend.queueing.training_fence import SharedTrainingFence
from backend.settings import Settings
from training.fence import Fence, TrainingFence


def open_folder(key: str, settings: Settings) -> ProjectFolder:
    """Return a project's learning folder."""
    return open_learning(settings).project(key)


def extra_params_of(folder: ProjectFolder, settings: Settings, payload: Mapping[str, Any]) -> object:
    """Return the project's settings for the backend, as `/setup` told them last.

    On a machine that no `/setup` reaches, they are those that the job brought along.
    """
    project = ProjectStore(folder=settings.data_dir / "projects").find(str(folder.number))
    if project is not None and project.key == folder.key:
        return project.extra_params
    return payload.get("extra_params")


def open_fence(folder: ProjectFolder, job: RunningJob) -> Fence:
    """Return what keeps others from changing a project's samples and versions meanwhile."""
    if not folder.is_shared or job.job is None:
        return TrainingFence(folder=folder.path)
    return SharedTrainingFence(connection=job.job.connection, key=folder.key)


def open_ingest(folder: ProjectFolder, settings: Settings, extra_params: object) -> Ingest:
    """Return what reads a project's corrections."""
    return Ingest(
        client=open_client(settings),
        images=open_images(settings),
        folder=folder,
        several=settings.several_annotators,
        extra_params=extra_params,
    )
