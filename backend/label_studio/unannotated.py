"""Tasks that nobody has annotated yet, the most uncertain first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backend.label_studio.client import LabelStudioClient, LightTask, light_task

_PAGE = 100
_FIELDS = "id,data,predictions_model_versions,predictions_score,total_annotations,cancelled_annotations"


@dataclass(frozen=True, slots=True)
class UnannotatedTask:
    """A task that waits for its annotator.

    Attributes:
        task: without its results.
        score: mean certainty of its predictions, 0 to 1; None without predictions.

    """

    task: LightTask
    score: float | None


def unannotated_tasks(client: LabelStudioClient, project: int) -> list[UnannotatedTask]:
    """Return a project's tasks without annotation and skip, least certain first, unpredicted ones last.

    Errors as of the client.
    """
    found: list[UnannotatedTask] = []
    page, seen = 1, 0
    while True:
        query = {"project": project, "page": page, "page_size": _PAGE, "fields": "all", "include": _FIELDS}
        reply = client.call("GET", "/api/tasks", query=query)
        found += [_read(task) for task in reply["tasks"] if _waits(task)]
        seen += len(reply["tasks"])
        if not reply["tasks"] or seen >= reply["total"]:
            return sorted(found, key=lambda one: 2.0 if one.score is None else one.score)
        page += 1


def _waits(task: Mapping[str, Any]) -> bool:
    return not task.get("total_annotations") and not task.get("cancelled_annotations")


def _read(task: Mapping[str, Any]) -> UnannotatedTask:
    score = task.get("predictions_score")
    return UnannotatedTask(light_task(task), None if score is None else float(score))
