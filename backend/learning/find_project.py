"""From a project's number, as people write it, to its learning folder."""

from backend.errors import BackendError
from backend.learning.learning_storage import open_learning
from backend.learning.project_folder import ProjectFolder
from backend.projects import ProjectStore
from backend.settings import Settings


class UnknownProjectError(BackendError):
    """No project with this number has learned here."""


def find_project(settings: Settings, number: int) -> ProjectFolder:
    """Return the folder of a project.

    Where projects of several servers share a number, it is the one whose Label Studio spoke last.
    Raises `UnknownProjectError` when nothing is known of the number.
    """
    learning = open_learning(settings)
    described = ProjectStore(folder=settings.data_dir / "projects").find(str(number))
    if described is not None and described.key:
        return learning.project(described.key)
    folders = list(learning.projects())
    found = [folder for folder in folders if folder.number == number]
    if len(found) == 1:
        return found[0]
    known = ", ".join(sorted({str(folder.number) for folder in folders})) or "none yet"
    place = settings.storage_url or settings.data_dir
    raise UnknownProjectError(
        f"nothing has been learned from project {number} in {place} (known: {known}): connect it to this "
        "backend in Label Studio, or give the right --data-dir or --storage-url"
    )
