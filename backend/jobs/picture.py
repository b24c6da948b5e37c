"""A small picture of a prediction for the status page, at most one in a few seconds."""

import io
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.errors import BackendError
from backend.images.source import ImageSource
from backend.overlays import overlay_image
from backend.predictions import cached_label_config
from backend.recent_predictions import RecentPrediction, RecentPredictions
from backend.regions.decoding import label_map_from_result, labels_of
from backend.task_data import image_addresses

_log = logging.getLogger(__name__)
_SECONDS_BETWEEN = 5.0
_SIDE = 320
_JPEG_QUALITY = 80


class Pictures:
    """Keeps pictures of predictions, so seldom that nobody waits for them.

    Args:
        kept: where the pictures go.

    """

    def __init__(self, *, kept: RecentPredictions) -> None:
        self._kept = kept
        self._next = 0.0

    def keep_one(
        self,
        tasks: Sequence[Mapping[str, Any]],
        items: Sequence[Mapping[str, Any]],
        label_config: str,
        *,
        images: ImageSource,
        project: str,
    ) -> None:
        """Keep a picture of the first task that got regions, unless the last one is only seconds old.

        Whatever goes wrong is logged and left: the predictions themselves are made.
        """
        now = time.monotonic()
        chosen = next(((t, i) for t, i in zip(tasks, items, strict=True) if i.get("result")), None)
        if chosen is None or now < self._next:
            return
        self._next = now + _SECONDS_BETWEEN
        try:
            self._keep(*chosen, label_config, images=images, project=project)
        except (BackendError, OSError, ValueError) as error:
            _log.info("no picture of task %s: %s", chosen[0].get("id"), error)

    def _keep(
        self,
        task: Mapping[str, Any],
        item: Mapping[str, Any],
        label_config: str,
        *,
        images: ImageSource,
        project: str,
    ) -> None:
        target = cached_label_config(label_config).targets[0]
        index, address = image_addresses(task["data"], target)[0]
        image = images.load(address, task_id=task.get("id"), project=project)
        height, width = image.shape[:2]
        names = sorted({name for region in item["result"] for name in labels_of(region)})
        painted = label_map_from_result(
            item["result"],
            numbers={name: number for number, name in enumerate(names, start=1)},
            width=width,
            height=height,
            item_index=index,
        )
        made_at = time.time()
        prediction = RecentPrediction(
            name=f"{int(1000 * made_at)}-{uuid.uuid4().hex[:8]}",
            project=project,
            task=str(task.get("id")),
            model_version=str(item["model_version"]),
            score=float(item["score"]),
            labels=tuple(names),
            made_at=made_at,
        )
        self._kept.add(prediction, _picture(image, painted.label_map, names))


def _picture(image: NDArray[np.uint8], label_map: NDArray[np.uint16], names: Sequence[str]) -> bytes:
    """The photograph with its masks, at most 320 pixels on its longer side, as JPEG."""
    scale = min(1.0, _SIDE / max(image.shape[:2]))
    size = (max(1, round(scale * image.shape[1])), max(1, round(scale * image.shape[0])))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    masks = np.asarray(cv2.resize(label_map, size, interpolation=cv2.INTER_NEAREST), np.uint16)
    file = io.BytesIO()
    overlay_image(small, masks, names).save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()
