"""What annotators have done, read from the API: first what changed, then those tasks with their results."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from backend.label_studio.client import LabelStudioClient

_PAGE = 100
# Tasks come with all their masks: a page of them can weigh megabytes, and the first one is waited for.
_HEAVY_PAGE = 10
_STATE_FIELDS = "id,updated_at,total_annotations,cancelled_annotations,annotations_ids"


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task without its results.

    Attributes:
        id: its number.
        annotated: whether it has an annotation that is no skip.
        fingerprint: changes whenever an annotation is made, changed or deleted, singly or in bulk.

    """

    id: int
    annotated: bool
    fingerprint: str


def iter_task_states(client: LabelStudioClient, project: int) -> Iterator[TaskState]:
    """Yield the state of every task of a project; errors as of the client."""
    page, seen = 1, 0
    while True:
        query = {
            "project": project,
            "page": page,
            "page_size": _PAGE,
            "fields": "all",
            "include": _STATE_FIELDS,
        }
        reply = client.call("GET", "/api/tasks", query=query)
        yield from map(_task_state, reply["tasks"])
        seen += len(reply["tasks"])
        if not reply["tasks"] or seen >= reply["total"]:
            return
        page += 1


def iter_full_tasks(
    client: LabelStudioClient, project: int, ids: Sequence[int]
) -> Iterator[Mapping[str, Any]]:
    """Yield tasks with `data`, `annotations` and `predictions`; tasks that are gone meanwhile are missing.

    Label Studio gathers the next page while the caller works on this one. An error, as of the client, comes
    with the turn of its page.
    """
    pages = [list(ids[start : start + _HEAVY_PAGE]) for start in range(0, len(ids), _HEAVY_PAGE)]
    if not pages:
        return
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="tasks") as pool:
        coming = pool.submit(_full_tasks, client, project, pages[0])
        for following in (*pages[1:], []):
            tasks = coming.result()
            coming = pool.submit(_full_tasks, client, project, following)
            yield from tasks


def _full_tasks(client: LabelStudioClient, project: int, ids: Sequence[int]) -> list[Mapping[str, Any]]:
    """Return a page's tasks, with one call unless Label Studio leaves results out."""
    if not ids:
        return []
    query = {
        "project": project,
        "page": 1,
        "page_size": _HEAVY_PAGE,
        # No `include` here: it would also strip the annotations of all fields but their ids.
        "fields": "all",
        "query": json.dumps({"selectedItems": {"all": False, "included": ids}}),
    }
    tasks = client.call("GET", "/api/tasks", query=query)["tasks"]
    return [task if _is_whole(task) else client.call("GET", f"/api/tasks/{task['id']}/") for task in tasks]


def _is_whole(task: Mapping[str, Any]) -> bool:
    """Whether the list brought results along; with some feature flags it brings stubs."""
    return all("result" in annotation for annotation in task.get("annotations") or ())


def _task_state(task: Mapping[str, Any]) -> TaskState:
    # Label Studio gives the ids in no certain order.
    annotations = ",".join(sorted(str(task.get("annotations_ids") or "").split(",")))
    fingerprint = f"{task['updated_at']} {annotations}"
    return TaskState(int(task["id"]), bool(task.get("total_annotations")), fingerprint)
