"""A dictionary that answers like Label Studio's task list, for properties over thousands of histories.

The calls themselves are tested against a real Label Studio in the end-to-end tests.
"""

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.images.source import ImageSource
from backend.label_studio.client import LabelStudioClient
from backend.label_studio.errors import ApiError
from backend.label_studio.origin import LabelStudioOrigin
from backend.regions.brush_rle import encode_mask
from tests.processes import data_url

CREATED_AT = "2026-10-01T08:00:00.500000Z"
KEY = "7-1790841600"
CONFIG = """<View><Image name="image" value="$image"/><BrushLabels name="label" toName="image">
<Label value="cat"/><Label value="sofa"/></BrushLabels></View>"""
WIDTH, HEIGHT = 24, 16


def picture(shade: int = 90, *, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    image = np.full((height, width, 3), (shade, 255 - shade, 128), np.uint8)
    return bytes(cv2.imencode(".png", image)[1].tobytes())


def brush(
    name: str,
    label: str,
    columns: tuple[int, int],
    *,
    width: int = WIDTH,
    height: int = HEIGHT,
    to_name: str = "image",
    **more: Any,
) -> dict[str, Any]:
    """Return a brush region over some columns of the image."""
    mask = np.zeros((height, width), np.bool_)
    mask[:, slice(*columns)] = True
    return {
        "id": name,
        "from_name": "label",
        "to_name": to_name,
        "type": "brushlabels",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {"format": "rle", "rle": encode_mask(mask), "brushlabels": [label]},
        **more,
    }


class PretendLabelStudio:
    """Tasks with annotations and predictions in memory; `client` answers for them."""

    def __init__(self) -> None:
        self.tasks: dict[int, dict[str, Any]] = {}
        self.config = CONFIG
        self.created_at = CREATED_AT
        self.deleted = False
        self.full_reads: list[int] = []
        self.origin = SimpleNamespace(url="http://label-studio.test")
        self._numbers = itertools.count(1)

    @property
    def client(self) -> LabelStudioClient:
        return cast("LabelStudioClient", self)

    def add_task(self, *, data: dict[str, Any] | None = None) -> int:
        task = next(self._numbers)
        self.tasks[task] = {
            "id": task,
            "data": data or {"image": data_url(picture(task % 200), kind="image/png")},
            "annotations": [],
            "predictions": [],
        }
        self._touch(task)
        return task

    def annotate(self, task: int, result: list[dict[str, Any]], **fields: Any) -> int:
        number = next(self._numbers)
        values = {"was_cancelled": False, "ground_truth": False, "lead_time": 10.0, "parent_prediction": None}
        stamp = self._touch(task)
        self.tasks[task]["annotations"].append(
            {"id": number, "result": result, "created_at": stamp, "updated_at": stamp, **values, **fields}
        )
        return number

    def change(self, task: int, annotation: int, **fields: Any) -> None:
        one = next(one for one in self.tasks[task]["annotations"] if one["id"] == annotation)
        one.update(fields, updated_at=self._touch(task))

    def delete(self, task: int, annotation: int) -> None:
        kept = [one for one in self.tasks[task]["annotations"] if one["id"] != annotation]
        self.tasks[task]["annotations"] = kept
        self._touch(task)

    def predict(self, task: int, result: list[dict[str, Any]], *, version: str = "v1") -> int:
        number = next(self._numbers)
        stamp = self._touch(task)
        self.tasks[task]["predictions"].append(
            {"id": number, "result": result, "created_at": stamp, "model_version": version}
        )
        return number

    def forget_predictions(self, task: int) -> None:
        self.tasks[task]["predictions"] = []
        self._touch(task)

    def project(self, project: int) -> dict[str, Any]:
        if self.deleted:
            raise ApiError("no such project", status=404)
        return {"id": project, "created_at": self.created_at, "label_config": self.config}

    def call(self, method: str, path: str, *, query: Mapping[str, Any]) -> dict[str, Any]:
        assert (method, path) == ("GET", "/api/tasks")
        tasks = list(self.tasks.values())
        if "query" in query:
            chosen = json.loads(query["query"])["selectedItems"]["included"]
            tasks = [task for task in tasks if task["id"] in chosen]
            self.full_reads += [task["id"] for task in tasks]
        start = (query["page"] - 1) * query["page_size"]
        shown = tasks[start : start + query["page_size"]]
        return {"total": len(tasks), "tasks": [task | _counts(task) for task in shown]}

    def _touch(self, task: int) -> str:
        stamp = f"2026-11-01T00:00:00.{next(self._numbers):06d}Z"
        self.tasks[task]["updated_at"] = stamp
        return stamp


def _counts(task: Mapping[str, Any]) -> dict[str, Any]:
    valid = [one for one in task["annotations"] if not one["was_cancelled"]]
    return {
        "total_annotations": len(valid),
        "cancelled_annotations": len(task["annotations"]) - len(valid),
        "annotations_ids": ",".join(str(one["id"]) for one in task["annotations"]),
    }


def image_source(folder: Path) -> ImageSource:
    return ImageSource(
        label_studio=LabelStudioOrigin(url="http://127.0.0.1:9", api_key=None),
        cache_dir=folder / "images",
        cache_bytes=2**20,
        max_bytes=2**20,
        max_pixels=10**6,
    )


def columns_of(mask: NDArray[np.uint16], names: tuple[str, ...]) -> list[str]:
    """Return what the first row of a label map shows, by name; empty where it is unlabelled."""
    return ["" if value == 0 else names[value - 1] for value in mask[0]]
