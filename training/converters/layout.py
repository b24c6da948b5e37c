"""Find the parts of a download, or say which part is missing and where it comes from."""

from collections.abc import Sequence
from pathlib import Path

from training.errors import DownloadLayoutError


def find_folder(source: Path, candidates: Sequence[str], *, what: str, cure: str) -> Path:
    """Return the first of `candidates` (paths below `source`) that is a folder.

    Raises `DownloadLayoutError` naming what is missing, where it was looked for and how to get it.
    """
    found = find_optional_folder(source, candidates)
    if found is None:
        raise DownloadLayoutError(
            f"{what} not found below {source} (looked for {_listed(candidates)}): {cure}"
        )
    return found


def find_optional_folder(source: Path, candidates: Sequence[str]) -> Path | None:
    """Return the first of `candidates` below `source` that is a folder, or None."""
    return next((source / name for name in candidates if (source / name).is_dir()), None)


def find_file(source: Path, candidates: Sequence[str], *, what: str, cure: str) -> Path:
    """Return the first of `candidates` below `source` that is a file, or raise `DownloadLayoutError`."""
    for name in candidates:
        if (source / name).is_file():
            return source / name
    raise DownloadLayoutError(f"{what} not found below {source} (looked for {_listed(candidates)}): {cure}")


def read_ids(path: Path) -> list[str]:
    """Read a list of image ids, one a line; what follows a blank (VOC's -1/1 flags) is dropped."""
    return [line.split()[0] for line in path.read_text("utf-8").splitlines() if line.strip()]


def _listed(candidates: Sequence[str]) -> str:
    return ", ".join(name or "the folder itself" for name in candidates)
