"""From samples to the `dataset.json` that training and evaluation read.

Masks are written anew for every training, from names: labels that were renamed, added, removed or put into
another order can never be mixed up.
"""

import contextlib
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.errors import BackendError
from backend.learning.sample import Sample
from backend.learning.sample_store import SampleStore
from training.dataset_description import DatasetClass, DatasetDescription
from zegclip_core.labels import Label

TRAIN, HOLDOUT = "train", "holdout"
BACKGROUND = "background"
IGNORED = 255
_IGNORED_WIDE = 65535
_HOLDOUT_SHARE = 5
_IMAGE_SUFFIX = ".jpg"


class NotEnoughSamplesError(BackendError):
    """There is nothing to learn from yet."""


@dataclass(frozen=True, slots=True)
class ExportedDataset:
    """A data set on disk.

    Attributes:
        description: what was written.
        labels: the project's labels that are painted, in the order of the classes.
        seen: names of labels with enough corrected pixels to learn from.
        train, holdout: how many corrected images each has.
        unlabelled: how many images without correction go along.

    """

    description: DatasetDescription
    labels: tuple[Label, ...]
    seen: tuple[str, ...]
    train: int
    holdout: int
    unlabelled: int


def is_held_out(task: int) -> bool:
    """Whether a task's corrections only decide and never train.

    Of five tasks with consecutive numbers it is one, drawn by hash: for ever the same, and never none of a
    dozen.
    """
    block, place = divmod(task, _HOLDOUT_SHARE)
    return hashlib.sha256(str(block).encode()).digest()[0] % _HOLDOUT_SHARE == place


def export_dataset(
    root: Path,
    *,
    name: str,
    store: SampleStore,
    labels: Sequence[Label],
    unlabelled: Mapping[str, NDArray[np.uint8]],
    seen_pixels: int,
) -> ExportedDataset:
    """Write a data set.

    Unlabelled pixels are background only where one of the labels is declared as background; otherwise they
    count nowhere. An image without correction is filled with the first unseen class: for training that means
    "some class without corrections, which one is not known".

    Args:
        root: the folder to write; replaced when it is there.
        name: what results call the data set.
        store: the project's samples.
        labels: the project's labels of now.
        unlabelled: images (H, W, 3) without correction, by a name for each.
        seen_pixels: corrected pixels of the training split that make a label a seen one.

    Raises `NotEnoughSamplesError` when no correction outside the hold-out shows a label.

    """
    shutil.rmtree(root, ignore_errors=True)
    painted = tuple(label for label in labels if not label.is_background)
    if not painted:
        raise NotEnoughSamplesError("the project has no label that is painted: nothing can be learned")
    ignored = IGNORED if len(painted) < IGNORED else _IGNORED_WIDE
    numbers = _numbers(labels, painted)
    nothing = 0 if any(label.is_background for label in labels) else ignored
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    ids: dict[str, list[str]] = {TRAIN: [], HOLDOUT: []}
    pixels: Counter[int] = Counter()
    for sample in store.samples():
        split = HOLDOUT if is_held_out(sample.task) else TRAIN
        mask = translate(store.read_mask(sample.mask), sample, numbers, nothing=nothing, ignored=ignored)
        _write_mask(root, sample.name, mask, ignored)
        _link(store.image_path(sample.image), root / "images" / f"{sample.name}{_IMAGE_SUFFIX}")
        ids[split].append(sample.name)
        if split == TRAIN:
            values, counts = np.unique(mask, return_counts=True)
            pixels.update(dict(zip(values.tolist(), counts.tolist(), strict=True)))
    seen = tuple(label.name for label in painted if pixels[numbers[label.name]] >= seen_pixels)
    if not seen:
        raise NotEnoughSamplesError(
            f"{len(ids[TRAIN])} corrected images outside the hold-out show no label often enough to learn "
            "from: correct more tasks"
        )
    unseen = tuple(label.name for label in painted if label.name not in seen)
    count = 0
    if unseen:
        for image_id, image in unlabelled.items():
            _write_mask(root, image_id, np.full(image.shape[:2], numbers[unseen[0]], np.uint16), ignored)
            cv2.imwrite(str(root / "images" / f"{image_id}{_IMAGE_SUFFIX}"), image[:, :, ::-1])
            ids[TRAIN].append(image_id)
            count += 1
    description = _describe(root, name, labels, painted, unseen, ids, ignored)
    return ExportedDataset(description, painted, seen, len(ids[TRAIN]) - count, len(ids[HOLDOUT]), count)


def translate(
    mask: NDArray[np.uint16], sample: Sample, numbers: Mapping[str, int], *, nothing: int, ignored: int
) -> NDArray[np.uint16]:
    """Bring a sample's label map (H, W) from its own names to class indices.

    Args:
        mask: 0 = unlabelled, n = the n-th of the sample's labels.
        sample: whose mask it is.
        numbers: the index of each name; names that are missing here are ignored.
        nothing: the value of unlabelled pixels.
        ignored: the value of pixels whose label the project does not have any more.

    """
    table = np.array([nothing, *(numbers.get(name, ignored) for name in sample.labels)], np.uint16)
    translated: NDArray[np.uint16] = table[mask]
    return translated


def _numbers(labels: Sequence[Label], painted: Sequence[Label]) -> dict[str, int]:
    """Class index of each name: 0 for background labels, 1 … for the others."""
    background = {label.name: 0 for label in labels if label.is_background}
    return background | {label.name: index for index, label in enumerate(painted, start=1)}


def _describe(
    root: Path,
    name: str,
    labels: Sequence[Label],
    painted: Sequence[Label],
    unseen: tuple[str, ...],
    ids: Mapping[str, Sequence[str]],
    ignored: int,
) -> DatasetDescription:
    classes = [
        DatasetClass(index=index, name=label.name, prompts=label.prompts)
        for index, label in enumerate(painted, start=1)
    ]
    if len(painted) < len(labels):
        taken = {label.name for label in painted}
        free = BACKGROUND if BACKGROUND not in taken else f"{BACKGROUND} (unlabelled)"
        classes.insert(0, DatasetClass(index=0, name=free, prompts=(BACKGROUND,), is_background=True))
    for split, names in ids.items():
        (root / f"{split}.txt").write_text("".join(f"{one}\n" for one in names), "utf-8")
    description = DatasetDescription(
        root=root,
        name=name,
        classes=tuple(classes),
        splits={split: f"{split}.txt" for split in ids},
        unseen=unseen,
        ignore_index=ignored,
    )
    description.save()
    return description


def _write_mask(root: Path, name: str, mask: NDArray[np.uint16], ignored: int) -> None:
    narrow = mask.astype(np.uint8) if ignored == IGNORED else mask
    cv2.imwrite(str(root / "masks" / f"{name}.png"), narrow)


def _link(source: Path, target: Path) -> None:
    """Share the file where the file system can, else copy it."""
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    shutil.copyfile(source, target)
