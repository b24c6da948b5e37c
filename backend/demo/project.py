"""The demo's project in Label Studio: made once for each label set and photographs, then found again."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from backend.demo.photos import Photo
from backend.images.loader import decode_image
from backend.images.source import ImageSource
from backend.label_studio.client import LabelStudioClient, LightTask
from backend.label_studio.errors import ApiError
from backend.overlays import overlay_image
from backend.painting import DATA_KEY, label_config
from backend.regions.brush_rle import decode_rle
from zegclip_core.labels import Label

_VISIBLE = 128
_TITLE = "ZegCLIP demo"


def find_or_create(
    client: LabelStudioClient, *, photos: Sequence[Photo], labels: Sequence[Label], state: Path
) -> int:
    """Return the project of these photographs and labels, made and filled when it is not there yet.

    Args:
        client: Label Studio.
        photos: uploaded one by one; a start that was interrupted goes on with those that are missing.
        labels: the project's label set.
        state: a JSON file that remembers projects.

    """
    config = label_config(labels)
    key = hashlib.sha256("".join([config, *(photo.name for photo in photos)]).encode()).hexdigest()
    known: dict[str, int] = json.loads(state.read_text(encoding="utf-8")) if state.exists() else {}
    project = known.get(key)
    if project is None or not _exists(client, project):
        project = client.create_project(title=_TITLE, label_config=config)
        state.write_text(json.dumps({**known, key: project}), encoding="utf-8")
    there = sum(len(page) for page in client.iter_tasks(project))
    for photo in photos[there:]:
        client.upload(project, name=photo.name, content=photo.content)
    return project


def connect(client: LabelStudioClient, project: int, url: str) -> None:
    """Connect the backend unless it is connected already."""
    if url not in {backend["url"] for backend in client.ml_backends(project)}:
        client.connect_backend(project, url=url, title="ZegCLIP")


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
) -> int:
    """Draw what Label Studio stored, one picture for each task; returns the number of regions."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [label.name for label in labels]
    tasks = {task.id: task for page in client.iter_tasks(project) for task in page}
    regions = 0
    for prediction in client.predictions(project):
        if prediction["model_version"] != version or prediction["task"] not in tasks:
            continue
        task = tasks[prediction["task"]]
        image = decode_image(images.fetch(task.data[DATA_KEY], task_id=task.id))
        height, width = image.shape[:2]
        label_map = np.zeros((height, width), np.uint16)
        for region in prediction["result"]:
            alpha = decode_rle(region["value"]["rle"], width=width, height=height)
            label_map[alpha >= _VISIBLE] = names.index(region["value"]["brushlabels"][0]) + 1
            regions += 1
        picture = np.asarray(overlay_image(image, label_map, names).convert("RGB"))
        cv2.imwrite(str(folder / f"task-{task.id}.png"), picture[:, :, ::-1])
    return regions


def _exists(client: LabelStudioClient, project: int) -> bool:
    try:
        client.project(project)
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    return True
