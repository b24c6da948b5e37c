"""The demo's project in Label Studio: made once for each label set and photographs, then found again."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.demo.photos import Photo
from backend.images.errors import ImageError
from backend.images.loader import decode_image
from backend.images.source import ImageSource
from backend.label_studio.client import LabelStudioClient, LightTask
from backend.label_studio.errors import ApiError
from backend.overlays import overlay_image
from backend.painting import DATA_KEY, label_config
from backend.regions.brush_rle import decode_rle
from zegclip_core.atomic_files import write_atomically
from zegclip_core.labels import Label

_VISIBLE = 128
_TITLE = "ZegCLIP demo"
_BACKEND_TITLE = "ZegCLIP"


@dataclass(slots=True)
class OverlayReport:
    """What was drawn.

    Attributes:
        regions: regions in all pictures.
        failures: reasons by task, for photographs that cannot be read.

    """

    regions: int = 0
    failures: dict[int, str] = field(default_factory=dict)


def find_or_create(
    client: LabelStudioClient,
    *,
    photos: Sequence[Photo],
    labels: Sequence[Label],
    state: Path,
    progress: Callable[[int], object] = lambda _: None,
) -> int:
    """Return the project of these photographs and labels, made and filled when it is not there yet.

    Args:
        client: Label Studio.
        photos: uploaded one by one; a start that was interrupted goes on with those that are missing.
        labels: the project's label set.
        state: a JSON file that remembers projects.
        progress: called with the number of photographs that are there after each upload.

    """
    config = label_config(labels)
    key = _fingerprint(config, photos)
    known: dict[str, int] = json.loads(state.read_text(encoding="utf-8")) if state.exists() else {}
    project = known.get(key)
    if project is None or not _exists(client, project):
        project = client.create_project(title=_TITLE, label_config=config)
        write_atomically(state, json.dumps({**known, key: project}).encode())
    there = sum(len(page) for page in client.iter_tasks(project))
    for number, photo in enumerate(photos[there:], start=there + 1):
        client.upload(project, name=photo.name, content=photo.content)
        progress(number)
    return project


def connect(client: LabelStudioClient, project: int, url: str) -> None:
    """Connect the backend, and take away one at the port of an earlier start: only the first is asked."""
    there = [b for b in client.ml_backends(project) if b["title"] == _BACKEND_TITLE]
    stale = [backend for backend in there if backend["url"] != url]
    for backend in stale:
        client.disconnect_backend(project, backend["id"], url=backend["url"])
    if len(stale) == len(there):
        client.connect_backend(project, url=url, title=_BACKEND_TITLE)


def unpainted(client: LabelStudioClient, project: int, version: str) -> list[LightTask]:
    """Return the tasks without a prediction of a version."""
    return [
        task for page in client.iter_tasks(project) for task in page if version not in task.model_versions
    ]


def write_overlays(
    client: LabelStudioClient,
    project: int,
    *,
    version: str,
    images: ImageSource,
    labels: Sequence[Label],
    folder: Path,
) -> OverlayReport:
    """Draw what Label Studio stored, one picture `task-N.png` for each task."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [label.name for label in labels]
    tasks = {task.id: task for page in client.iter_tasks(project) for task in page}
    report = OverlayReport()
    for prediction in client.predictions(project):
        task = tasks.get(prediction["task"])
        if task is None or prediction["model_version"] != version:
            continue
        try:
            image = decode_image(images.fetch(task.data[DATA_KEY], task_id=task.id))
        except ImageError as error:
            report.failures[task.id] = str(error)
            continue
        label_map = _label_map(prediction["result"], names, shape=image.shape[:2])
        picture = np.asarray(overlay_image(image, label_map, names).convert("RGB"))
        cv2.imwrite(str(folder / f"task-{task.id}.png"), picture[:, :, ::-1])
        report.regions += len(prediction["result"])
    return report


def _label_map(
    regions: Sequence[Mapping[str, Any]], names: Sequence[str], *, shape: tuple[int, ...]
) -> NDArray[np.uint16]:
    """Paint brush regions in their order, later ones over earlier ones: (H, W), 0 = none, i = i-th name."""
    height, width = shape
    label_map = np.zeros((height, width), np.uint16)
    for region in regions:
        alpha = decode_rle(region["value"]["rle"], width=width, height=height)
        label_map[alpha >= _VISIBLE] = names.index(region["value"]["brushlabels"][0]) + 1
    return label_map


def _fingerprint(config: str, photos: Sequence[Photo]) -> str:
    """What makes two starts of the demo mean the same project: labels, names and contents."""
    digest = hashlib.sha256(config.encode())
    for photo in photos:
        digest.update(f"\n{photo.name} ".encode() + hashlib.sha256(photo.content).digest())
    return digest.hexdigest()


def _exists(client: LabelStudioClient, project: int) -> bool:
    try:
        client.project(project)
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    return True
