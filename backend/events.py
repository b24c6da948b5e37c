"""What a webhook of Label Studio tells, as events: hints that something changed, never the data itself."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backend.errors import RequestError
from backend.projects import project_number

START_TRAINING = "START_TRAINING"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened in a project.

    Attributes:
        action: Label Studio's name for it, such as `ANNOTATION_UPDATED`.
        project: the project's id.
        subject: what it happened to: `annotation:7`, `task:3` or `project`.
        version: tells repetitions of one event from new ones (the subject's `updated_at`).
        details: small facts such as `was_cancelled`; never a mask and never a secret.

    """

    action: str
    project: str
    subject: str
    version: str
    details: Mapping[str, Any]


def read_events(body: Mapping[str, Any]) -> list[Event]:
    """Turn a webhook's body into events, one for each annotation or task it names.

    Raises `RequestError` when the body has no action or no project.
    """
    action = body.get("action")
    project = body.get("project")
    if not isinstance(action, str) or not action:
        raise RequestError("a webhook needs an 'action', such as ANNOTATION_CREATED")
    project_id = project.get("id") if isinstance(project, Mapping) else project
    if not isinstance(project_id, str | int) or project_id == "":
        raise RequestError("a webhook needs a 'project' with an id")
    name = project_number(project_id)
    subjects = list(_annotation_events(body)) or list(_task_events(body))
    if not subjects:
        subjects = [("project", _project_version(action, project), {})]
    return [Event(action, name, subject, version, details) for subject, version, details in subjects]


def _annotation_events(body: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    tasks = {str(task.get("id")): task for task in _mappings(body.get("task"))}
    for annotation in [*_mappings(body.get("annotation")), *_mappings(body.get("annotations"))]:
        task = annotation.get("task") or (next(iter(tasks)) if len(tasks) == 1 else None)
        details = {
            "task": task,
            "was_cancelled": annotation.get("was_cancelled"),
            "ground_truth": annotation.get("ground_truth"),
            "lead_time": annotation.get("lead_time"),
            "result_count": annotation.get("result_count"),
            "parent_prediction": annotation.get("parent_prediction"),
        }
        known = {key: value for key, value in details.items() if isinstance(value, str | int | float)}
        yield f"annotation:{annotation.get('id')}", str(annotation.get("updated_at") or ""), known


def _task_events(body: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for task in _mappings(body.get("tasks")):
        yield f"task:{task.get('id')}", str(task.get("updated_at") or ""), {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, Mapping)]


def _project_version(action: str, project: object) -> str:
    updated = project.get("updated_at") if isinstance(project, Mapping) else None
    # Every press of the training button counts, also when nothing else in the project changed.
    if action == START_TRAINING or not updated:
        return f"{time.time():.6f}"
    return str(updated)
