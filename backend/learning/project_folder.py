"""Where a project's samples, runs and versions lie."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from backend.learning.project_key import number_of
from training.registry.registry import ModelRegistry
from zegclip_core.atomic_files import write_atomically


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

    """

    def __init__(self, *, root: Path, key: str) -> None:
        self.key = key
        self.path = root / key

    @property
    def number(self) -> int:
        """The project's number in Label Studio."""
        return number_of(self.key)

    @property
    def samples(self) -> Path:
        """The folder of the sample store."""
        return self.path / "samples"

    @property
    def runs(self) -> Path:
        """The folder of trainings that have not ended yet."""
        return self.path / "runs"

    @property
    def registry(self) -> ModelRegistry:
        """The project's model versions."""
        return ModelRegistry(root=self.path / "models")

    def version_name(self, number: int) -> str:
        """Return what predictions of a version carry."""
        return f"project-{self.number}-v{number}"

    @property
    def state(self) -> LearningState:
        """What has been done so far."""
        try:
            document = json.loads((self.path / "state.json").read_text("utf-8"))
        except FileNotFoundError:
            return LearningState()
        return LearningState(**{**document, "problems": tuple(document["problems"])})

    def update_state(self, **changes: Any) -> LearningState:
        """Replace some fields of the state, in one step."""
        self.path.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path / "state.lock"):
            state = replace(self.state, **changes)
            write_atomically(self.path / "state.json", (json.dumps(asdict(state), indent=1) + "\n").encode())
        return state


def learning_root(data_dir: Path) -> Path:
    """Return the folder of all projects."""
    return data_dir / "learning"


def all_folders(data_dir: Path) -> Iterator[ProjectFolder]:
    """Yield every project that has learned something, by key."""
    root = learning_root(data_dir)
    for path in sorted(root.iterdir()) if root.is_dir() else ():
        if path.is_dir():
            yield ProjectFolder(root=root, key=path.name)
