"""Where the learning folders of all projects are: a folder of this machine, or what machines share."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backend.learning.project_folder import ProjectFolder, learning_root
from backend.settings import Settings
from training.storage.bucket import Bucket
from training.storage.errors import StorageAwayError

_FILE_SCHEME = "file://"


@dataclass(frozen=True, slots=True)
class LearningStorage:
    """The learning folders of all projects.

    Attributes:
        root: the folder of this machine that has them, or their copies.
        bucket: the object store that machines share; None when `root` is all there is.

    """

    root: Path
    bucket: Bucket | None = None

    def project(self, key: str) -> ProjectFolder:
        """Return a project's folder; nothing is made."""
        bucket = self.bucket.below(key) if self.bucket is not None else None
        return ProjectFolder(root=self.root, key=key, bucket=bucket)

    def projects(self) -> Iterator[ProjectFolder]:
        """Yield every project that has learned something, by key; without the store those known here."""
        yield from map(self.project, sorted(self._keys()))

    def _keys(self) -> list[str]:
        if self.bucket is not None and not self.bucket.recently_away:
            try:
                return self.bucket.folders()
            except StorageAwayError:
                pass
        return [path.name for path in self.root.iterdir() if path.is_dir()] if self.root.is_dir() else []


def open_learning(settings: Settings) -> LearningStorage:
    """Return what the settings say; nothing is connected to before it is used."""
    address = settings.storage_url
    if address is None:
        return LearningStorage(learning_root(settings.data_dir))
    if "://" not in address or address.startswith(_FILE_SCHEME):
        return LearningStorage(learning_root(Path(address.removeprefix(_FILE_SCHEME))))
    # Copies of one address are never taken for those of another.
    copies = settings.data_dir / "storage" / hashlib.sha256(address.encode()).hexdigest()[:12]
    return LearningStorage(learning_root(copies), Bucket(address).below("learning"))
