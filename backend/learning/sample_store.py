"""Corrected images on disk, content-addressed: the same image or mask is there once.

objects/ab/abcdef….jpg    images as displayed
objects/cd/cdefab….png    label maps
tasks/17.json             a task's samples and the state of the task they were made from
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.learning.sample import Sample
from zegclip_core.atomic_files import write_atomically

_IMAGE_SUFFIX = ".jpg"
_MASK_SUFFIX = ".png"
# Label maps are compared by digest: the encoder's settings must not change between releases.
_PNG_SETTINGS = [cv2.IMWRITE_PNG_COMPRESSION, 3]
_JPEG_SETTINGS = [
    cv2.IMWRITE_JPEG_QUALITY,
    95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What is known of one task.

    Attributes:
        task: its number.
        fingerprint: tells whether Label Studio's task is still the one that was read.
        samples: its corrected images; none for a task without a usable annotation.

    """

    task: int
    fingerprint: str
    samples: tuple[Sample, ...]


class SampleStore:
    """The samples of one project; written by one process at a time.

    Args:
        folder: where they lie; made when something is stored.

    """

    def __init__(self, *, folder: Path) -> None:
        self.folder = folder

    def put_image(self, image: NDArray[np.uint8]) -> str:
        """Store an image (H, W, 3) RGB as JPEG of quality 95 and return its digest."""
        encoded = cv2.imencode(_IMAGE_SUFFIX, image[:, :, ::-1], _JPEG_SETTINGS)[1]
        return self._put(encoded.tobytes(), _IMAGE_SUFFIX)

    def put_mask(self, mask: NDArray[np.uint16]) -> str:
        """Store a label map (H, W) and return its digest."""
        return self._put(cv2.imencode(_MASK_SUFFIX, mask, _PNG_SETTINGS)[1].tobytes(), _MASK_SUFFIX)

    def image_path(self, digest: str) -> Path:
        """Where an image lies."""
        return self._path(digest, _IMAGE_SUFFIX)

    def mask_path(self, digest: str) -> Path:
        """Where a label map lies."""
        return self._path(digest, _MASK_SUFFIX)

    def read_mask(self, digest: str) -> NDArray[np.uint16]:
        """Read a label map (H, W)."""
        mask = cv2.imread(str(self.mask_path(digest)), cv2.IMREAD_UNCHANGED)
        if mask is None:
            raise FileNotFoundError(
                f"{self.mask_path(digest)} is missing or damaged: ingest the project again"
            )
        return np.asarray(mask, np.uint16)

    def read_image(self, digest: str) -> NDArray[np.uint8]:
        """Read an image (H, W, 3) RGB."""
        image = cv2.imread(str(self.image_path(digest)), cv2.IMREAD_COLOR)
        if image is None:
            raise FileNotFoundError(
                f"{self.image_path(digest)} is missing or damaged: ingest the project again"
            )
        return np.ascontiguousarray(image[:, :, ::-1])

    def put_task(self, record: TaskRecord) -> None:
        """Write down a task, replacing what was known of it."""
        document = {
            "task": record.task,
            "fingerprint": record.fingerprint,
            "samples": [sample.to_document() for sample in record.samples],
        }
        write_atomically(self._task_path(record.task), json.dumps(document).encode())

    def remove_task(self, task: int) -> None:
        """Forget a task that is gone in Label Studio."""
        self._task_path(task).unlink(missing_ok=True)

    def tasks(self) -> dict[int, TaskRecord]:
        """Return every known task by its number, ascending."""
        folder = self.folder / "tasks"
        paths = sorted(folder.glob("*.json"), key=lambda path: int(path.stem)) if folder.is_dir() else []
        return {int(path.stem): _read(path) for path in paths}

    def samples(self) -> list[Sample]:
        """Return all samples, by task."""
        return [sample for record in self.tasks().values() for sample in record.samples]

    def sweep(self) -> int:
        """Delete objects that no sample names any more; returns how many."""
        samples = self.samples()
        used = {self.image_path(one.image) for one in samples}
        used |= {self.mask_path(one.mask) for one in samples}
        used |= {self.mask_path(one.predicted_mask) for one in samples if one.predicted_mask}
        old = [path for path in self.folder.glob("objects/*/*") if path not in used]
        for path in old:
            path.unlink()
        return len(old)

    def _put(self, content: bytes, suffix: str) -> str:
        digest = hashlib.sha256(content).hexdigest()
        path = self._path(digest, suffix)
        if not path.exists():
            write_atomically(path, content)
        return digest

    def _path(self, digest: str, suffix: str) -> Path:
        return self.folder / "objects" / digest[:2] / f"{digest}{suffix}"

    def _task_path(self, task: int) -> Path:
        return self.folder / "tasks" / f"{task}.json"


def _read(path: Path) -> TaskRecord:
    document = json.loads(path.read_text("utf-8"))
    samples = tuple(Sample.from_document(one) for one in document["samples"])
    return TaskRecord(document["task"], document["fingerprint"], samples)


def mask_digests(samples: Iterable[Sample]) -> dict[str, str]:
    """Return what changes when a correction changes: sample name to mask digest."""
    return {sample.name: sample.mask for sample in samples}


def new_corrections(now: Mapping[str, str], trained: Mapping[str, str]) -> int:
    """Return how many samples came or changed since a training."""
    return sum(trained.get(name) != digest for name, digest in now.items())


def digest_of(values: Mapping[str, object]) -> str:
    """Return a short text that differs when anything in a mapping differs."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
