"""What jobs of learning need, made from the settings of the worker that runs them."""

from backend.images.from_settings import open_images
from backend.label_studio.from_settings import open_client
from backend.learning.ingest import Ingest
from backend.learning.project_folder import ProjectFolder, learning_root
from backend.projects import ProjectStore
from backend.settings import Settings


def open_folder(key: str, settings: Settings) -> ProjectFolder:
    """Return a project's learning folder."""
    return ProjectFolder(root=learning_root(settings.data_dir), key=key)


def extra_params_of(folder: ProjectFolder, settings: Settings) -> object:
    """Return the project's settings for the backend, as `/setup` told them last."""
    project = ProjectStore(folder=settings.data_dir / "projects").find(str(folder.number))
    return project.extra_params if project is not None and project.key == folder.key else None


def open_ingest(folder: ProjectFolder, settings: Settings) -> Ingest:
    """Return what reads a project's corrections."""
    return Ingest(
        client=open_client(settings),
        images=open_images(settings),
        folder=folder,
        several=settings.several_annotators,
        extra_params=extra_params_of(folder, settings),
    )
