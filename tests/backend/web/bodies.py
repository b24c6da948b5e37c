"""Request bodies for the tests of the web process, as Label Studio sends them."""

from collections.abc import Sequence
from typing import Any

from backend.painting import label_config
from tests.photos import small_photos
from tests.processes import data_url
from zegclip_core.labels import parse_words

LABELS = label_config(parse_words("cat, cup"))
PROJECT = {"id": 3, "updated_at": "2026-01-01T00:00:00Z", "token": "t0ken-of-the-project"}


def setup_body(*, project: str = "3.1795425884", **changes: Any) -> dict[str, Any]:
    return {
        "project": project,
        "schema": LABELS,
        "hostname": "http://localhost:8080",
        "access_token": "t0ken-of-the-creator",
        "extra_params": None,
    } | changes


def task(number: int, image: object) -> dict[str, Any]:
    return {"id": number, "data": {"image": image}, "project": 3, "annotations": [], "predictions": []}


def predict_body(tasks: Sequence[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    params = {"login": None, "password": None, "context": None}
    return {"tasks": list(tasks), "project": "3.17", "label_config": LABELS, "params": params} | changes


def photo_tasks() -> list[dict[str, Any]]:
    """Two tasks with a cat and a cup, which need no server."""
    return [task(number, data_url(photo.content)) for number, photo in enumerate(small_photos(), 1)]


def webhook_body(*, annotation: int = 7, version: str = "1", **changes: Any) -> dict[str, Any]:
    return {
        "action": "ANNOTATION_CREATED",
        "project": PROJECT,
        "annotation": {"id": annotation, "task": 5, "updated_at": version, "result": []},
        "task": {"id": 5},
    } | changes
