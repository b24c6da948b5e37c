"""Corrected images, content-addressed: the same image or mask is there once.

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
from training.storage.files import Files

_OBJECTS, _TASKS = "objects", "tasks"
_TASK_SUFFIX = ".json"
_IMAGE_SUFFIX = ".jpg"
_MASK_SUFFIX = ".png"
# Label maps are compared by digest, so the encoder's settings must not change between releases. These are
# OpenCV's own (level 1, runs): any level that is asked for by number takes three times as long.
_PNG_SETTINGS: list[int] = []
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
        files: where they lie.

    With shared storage every method may raise `StorageAwayError`.

    """

    def __init__(self, *, files: Files) -> None:
        self._files = files

    def put_image(self, image: NDArray[np.uint8]) -> str:
        """Store an image (H, W, 3) RGB as JPEG of quality 95 and return its digest."""
        encoded = cv2.imencode(_IMAGE_SUFFIX, image[:, :, ::-1], _JPEG_SETTINGS)[1]
        return self._put(encoded.tobytes(), _IMAGE_SUFFIX)

    def put_mask(self, mask: NDArray[np.uint16]) -> str:
        """Store a label map (H, W) and return its digest."""
        return self._put(cv2.imencode(_MASK_SUFFIX, mask, _PNG_SETTINGS)[1].tobytes(), _MASK_SUFFIX)

    def image_path(self, digest: str) -> Path:
        """Where an image lies on this machine."""
        return self._files.path(_object(digest, _IMAGE_SUFFIX))

    def mask_path(self, digest: str) -> Path:
        """Where a label map lies on this machine."""
        return self._files.path(_object(digest, _MASK_SUFFIX))

    def read_mask(self, digest: str) -> NDArray[np.uint16]:
        """Read a label map (H, W)."""
        path = self.mask_path(digest)
        mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if mask is None:
            raise FileNotFoundError(f"{path} is missing or damaged: ingest the project again")
        return np.asarray(mask, np.uint16)

    def read_image(self, digest: str) -> NDArray[np.uint8]:
        """Read an image (H, W, 3) RGB."""
        path = self.image_path(digest)
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise FileNotFoundError(f"{path} is missing or damaged: ingest the project again")
        return np.ascontiguousarray(image[:, :, ::-1])

    def put_task(self, record: TaskRecord) -> None:
        """Write down a task, replacing what was known of it."""
        document = {
            "task": record.task,
            "fingerprint": record.fingerprint,
            "samples": [sample.to_document() for sample in record.samples],
        }
        self._files.write(_task_file(record.task), json.dumps(document).encode())

    def remove_task(self, task: int) -> None:
        """Forget a task that is gone in Label Studio."""
        self._files.delete(_task_file(task))

    def tasks(self) -> dict[int, TaskRecord]:
        """Return every known task by its number, ascending."""
        contents = self._files.read_all(_TASKS)
        records = [_read(content) for name, content in contents.items() if name.endswith(_TASK_SUFFIX)]
        return {record.task: record for record in sorted(records, key=lambda record: record.task)}

    def samples(self) -> list[Sample]:
        """Return all samples, by task."""
        return [sample for record in self.tasks().values() for sample in record.samples]

    def sweep(self) -> int:
        """Delete objects that no sample names any more; returns how many."""
        samples = self.samples()
        used = {_object(one.image, _IMAGE_SUFFIX) for one in samples}
        used |= {_object(one.mask, _MASK_SUFFIX) for one in samples}
        used |= {_object(one.predicted_mask, _MASK_SUFFIX) for one in samples if one.predicted_mask}
        old = [name for name in self._files.names(_OBJECTS) if name not in used]
        for name in old:
            self._files.delete(name)
        return len(old)

    def _put(self, content: bytes, suffix: str) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self._files.write_once(_object(digest, suffix), content)
        return digest


def _object(digest: str, suffix: str) -> str:
    return f"{_OBJECTS}/{digest[:2]}/{digest}{suffix}"


def _task_file(task: int) -> str:
    return f"{_TASKS}/{task}{_TASK_SUFFIX}"


def _read(content: bytes) -> TaskRecord:
    document = json.loads(content)
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
