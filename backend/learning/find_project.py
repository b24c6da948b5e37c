"""From a project's number, as people write it, to its learning folder."""

from pathlib import Path

from backend.errors import BackendError
from backend.learning.project_folder import ProjectFolder, all_folders, learning_root
from backend.projects import ProjectStore


class UnknownProjectError(BackendError):
    """No project with this number has learned here."""


def find_project(data_dir: Path, number: int) -> ProjectFolder:
    """Return the folder of a project.

    Where projects of several servers share a number, it is the one whose Label Studio spoke last.
    Raises `UnknownProjectError` when nothing is known of the number.
    """
    described = ProjectStore(folder=data_dir / "projects").find(str(number))
    if described is not None and described.key:
        return ProjectFolder(root=learning_root(data_dir), key=described.key)
    found = [folder for folder in all_folders(data_dir) if folder.number == number]
    if len(found) == 1:
        return found[0]
    known = ", ".join(sorted({str(folder.number) for folder in all_folders(data_dir)})) or "none yet"
    raise UnknownProjectError(
        f"nothing has been learned from project {number} in {data_dir} (known: {known}): connect it to this "
        "backend in Label Studio, or give the right --data-dir"
    )
