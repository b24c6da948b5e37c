"""Where a project's samples, runs and versions lie."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from backend.learning.project_key import number_of
from training.registry.bucket_versions import BucketVersions
from training.registry.folder_versions import FolderVersions
from training.registry.registry import ModelRegistry
from training.storage.bucket import Bucket
from training.storage.files import Files
from training.storage.local_files import LocalFiles
from training.storage.mirrored_files import MirroredFiles

_STATE_FILE = "state.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningState:
    """What has been done for a project so far.

    Attributes:
        events_read: sequence number of the last event that an ingest covered.
        ingested_at: when samples were last compared with Label Studio, in seconds since 1970; 0 for never.
        starts_read: sequence number of the last press of the training button that a training answered.
        new_corrections: samples that came or changed since the last training froze its data.
        corrections_digest: tells one set of corrections from another.
        trained_masks: sample to digest of its corrected mask, as the last training froze them.
        trained_on: digest of corrections, labels and words of the last training that ended.
        trained_at: when the last training ended; 0 for never.
        last_period: the last period of the schedule that was answered.
        last_result: what the last training came to, in words.
        problems: what could not be read at the last ingest, in words.
        gone: whether Label Studio has no such project any more; its samples stay.

    """

    events_read: int = 0
    ingested_at: float = 0.0
    starts_read: int = 0
    new_corrections: int = 0
    corrections_digest: str = ""
    trained_masks: dict[str, str] = field(default_factory=dict)
    trained_on: str = ""
    trained_at: float = 0.0
    last_period: str = ""
    last_result: str = ""
    problems: tuple[str, ...] = ()
    gone: bool = False


class ProjectFolder:
    """The learning folder of one project.

    Args:
        root: the folder of all projects.
        key: see `backend.learning.project_key`.
        bucket: where the project is kept when machines share it; the folder has runs and copies then.

    With a bucket, everything but `runs` may raise `StorageAwayError`.

    """

    def __init__(self, *, root: Path, key: str, bucket: Bucket | None = None) -> None:
        self.key = key
        self.path = root / key
        self._bucket = bucket

    @property
    def is_shared(self) -> bool:
        """Whether the project is in an object store, so that a lock of this machine is not enough."""
        return self._bucket is not None

    @property
    def number(self) -> int:
        """The project's number in Label Studio."""
        return number_of(self.key)

    @property
    def samples(self) -> Files:
        """The files of the sample store."""
        return self._files("samples")

    @property
    def runs(self) -> Path:
        """The folder of trainings that have not ended yet."""
        return self.path / "runs"

    @property
    def registry(self) -> ModelRegistry:
        """The project's model versions."""
        folder = self.path / "models"
        if self._bucket is None:
            return ModelRegistry(store=FolderVersions(folder))
        return ModelRegistry(store=BucketVersions(self._bucket.below("models"), folder))

    def version_name(self, number: int) -> str:
        """Return what predictions of a version carry."""
        return f"project-{self.number}-v{number}"

    @property
    def state(self) -> LearningState:
        """What has been done so far."""
        return _read_state(self._files().read(_STATE_FILE))

    def update_state(self, **changes: Any) -> LearningState:
        """Replace some fields of the state, in one step."""

        def change(content: bytes | None) -> bytes:
            state = replace(_read_state(content), **changes)
            return (json.dumps(asdict(state), indent=1) + "\n").encode()

        return _read_state(self._files().update(_STATE_FILE, change))

    def _files(self, *names: str) -> Files:
        folder = self.path.joinpath(*names)
        if self._bucket is None:
            return LocalFiles(folder)
        return MirroredFiles(self._bucket.below(*names) if names else self._bucket, folder)


def learning_root(data_dir: Path) -> Path:
    """Return the folder of all projects."""
    return data_dir / "learning"


def _read_state(content: bytes | None) -> LearningState:
    if content is None:
        return LearningState()
    document = json.loads(content)
    return LearningState(**{**document, "problems": tuple(document["problems"])})
