"""The last predictions as small pictures, written by workers and shown on the status page."""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from zegclip_core.atomic_files import write_atomically

KEPT = 12
_NAME = re.compile(r"[0-9]{1,20}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class RecentPrediction:
    """One prediction that was made lately.

    Attributes:
        name: of its picture, without suffix.
        project: the project's number.
        task: the task's number, as text.
        model_version: what made it.
        score: certainty, 0..1.
        labels: names of the labels that it painted.
        made_at: seconds since 1970.

    """

    name: str
    project: str
    task: str
    model_version: str
    score: float
    labels: tuple[str, ...]
    made_at: float


class RecentPredictions:
    """A folder with the last pictures; several workers may write into it.

    Args:
        folder: made when something is added.

    """

    def __init__(self, *, folder: Path) -> None:
        self.folder = folder

    def add(self, prediction: RecentPrediction, picture: bytes) -> None:
        """Keep a picture (JPEG) and forget the oldest ones."""
        write_atomically(self.folder / f"{prediction.name}.jpg", picture)
        write_atomically(self.folder / f"{prediction.name}.json", json.dumps(asdict(prediction)).encode())
        for old in self._described()[KEPT:]:
            old.unlink(missing_ok=True)
            old.with_suffix(".jpg").unlink(missing_ok=True)

    def all(self) -> list[RecentPrediction]:
        """Return what is kept, the newest first."""
        found = []
        for path in self._described()[:KEPT]:
            try:
                known = json.loads(path.read_text(encoding="utf-8"))
            except FileNotFoundError:
                # Another worker forgot it meanwhile.
                continue
            found.append(RecentPrediction(**known | {"labels": tuple(known["labels"])}))
        return found

    def picture(self, name: str) -> bytes | None:
        """Return a kept picture, or None."""
        path = self.folder / f"{name}.jpg"
        return path.read_bytes() if _NAME.fullmatch(name) and path.is_file() else None

    def _described(self) -> list[Path]:
        files = list(self.folder.glob("*.json")) if self.folder.is_dir() else []
        return sorted(files, key=lambda path: path.name, reverse=True)


def recent_predictions(data_dir: Path) -> RecentPredictions:
    """Return what is kept in a data folder."""
    return RecentPredictions(folder=data_dir / "recent")
