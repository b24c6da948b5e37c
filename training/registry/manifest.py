"""What a version says about itself, and the checksums that prove its files."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from training.registry.errors import DamagedVersionError

FORMAT = 1
MANIFEST_FILE = "manifest.json"
DIGEST_FILE = "manifest.sha256"
MODEL_FOLDER = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """What a training tells about its result.

    Attributes:
        run: the training's name; publishing one run twice gives one version.
        created_at: seconds since 1970.
        base: the model that the version stands on, such as `zegclip-mini@4`.
        parent: number of the version that training started from; None for the base itself.
        labels: each label's name and the words it was trained with, never an index.
        seen: names of the labels that had corrected pixels.
        corrections: corrected tasks known when training began.
        holdout: corrected tasks that decided, never trained on.
        iou: label to IoU on the hold-out in percent; None where the hold-out shows none of it.
        champion_iou: the same of the model in service then, on the same hold-out.
        promoted: whether the gate let it into service.
        reason: the gate's reason, in words.
        training: sizes, settings and seconds worth remembering.
        kept: label without corrections to the share (0 to 1) that is still painted with it where the model in
            service then was sure of it.
        engine_losses: engine such as `openvino int8` to the points of mIoU that it lost on the hold-out.

    """

    run: str
    created_at: float
    base: str
    parent: int | None
    labels: Mapping[str, tuple[str, ...]]
    seen: tuple[str, ...]
    corrections: int
    holdout: int
    iou: Mapping[str, float | None]
    champion_iou: Mapping[str, float | None]
    promoted: bool
    reason: str
    training: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, float] = field(default_factory=dict)
    engine_losses: Mapping[str, float] = field(default_factory=dict)

    @property
    def mean_iou(self) -> float | None:
        """Mean over the labels that the hold-out shows, in percent."""
        return mean_iou(self.iou)


def mean_iou(by_label: Mapping[str, float | None]) -> float | None:
    """Mean of the figures that are there, or None when there is none."""
    known = [value for value in by_label.values() if value is not None]
    return sum(known) / len(known) if known else None


def write_manifest(folder: Path, facts: VersionFacts) -> None:
    """Write facts and the checksum of every file of `folder/model`, then the checksum of the manifest."""
    document = {"format": FORMAT, **asdict(facts), "files": file_digests(folder / MODEL_FOLDER)}
    content = (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()
    (folder / MANIFEST_FILE).write_bytes(content)
    (folder / DIGEST_FILE).write_text(hashlib.sha256(content).hexdigest() + "\n")


def read_manifest(folder: Path) -> tuple[VersionFacts, dict[str, str]]:
    """Return a version's facts and its files' checksums.

    Raises `DamagedVersionError` when the manifest is missing, altered or of an unknown format.
    """
    try:
        content = (folder / MANIFEST_FILE).read_bytes()
        expected = (folder / DIGEST_FILE).read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise DamagedVersionError(f"{folder} has no readable manifest: {error}") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise DamagedVersionError(f"{folder / MANIFEST_FILE} differs from its checksum")
    document = json.loads(content)
    if document.pop("format") != FORMAT:
        raise DamagedVersionError(f"{folder / MANIFEST_FILE} is of a format that this release does not read")
    files = document.pop("files")
    document["labels"] = {name: tuple(words) for name, words in document["labels"].items()}
    document["seen"] = tuple(document["seen"])
    return VersionFacts(**document), files


def verify_files(folder: Path, files: Mapping[str, str]) -> None:
    """Read every file of a version's model; raises `DamagedVersionError` naming those that differ."""
    try:
        found = file_digests(folder / MODEL_FOLDER)
    except OSError as error:
        raise DamagedVersionError(f"{folder} cannot be read: {error}") from error
    wrong = sorted(name for name in files.keys() | found.keys() if files.get(name) != found.get(name))
    if wrong:
        raise DamagedVersionError(f"{folder}: {', '.join(wrong)} differ from what was published")


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its relative path."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): file_digest(path) for path in paths}


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
