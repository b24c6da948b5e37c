"""From Label Studio's predict request to light jobs, and from their outcomes to a reply (pure functions)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backend.errors import RequestError
from backend.images.credentials import BasicCredentials, read_credentials
from backend.learning.project_key import key_from_contract
from backend.projects import project_number
from backend.queueing.enqueue import Outcome

# What a job needs of a task. Earlier predictions and annotations can weigh megabytes and stay behind.
_TASK_FIELDS = ("id", "data", "project")

# A failure that may be over the next time: Label Studio stores nothing for such an item and asks again.
PASSING = "passing"


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """One predict request of Label Studio.

    Attributes:
        tasks: the tasks, without earlier results.
        label_config: the labelling configuration (XML).
        project: the project's id.
        project_key: tells it from projects with the same id on other servers; None when it is not told.
        context: the regions of an interactive request; None for ordinary predictions.
        credentials: what the project's image hosts ask for.

    """

    tasks: tuple[Mapping[str, Any], ...]
    label_config: str
    project: str
    context: Mapping[str, Any] | None
    credentials: BasicCredentials | None = None
    project_key: str | None = None

    @property
    def is_interactive(self) -> bool:
        """Whether a person waits: a smart tool was used, or one task was opened."""
        return self.context is not None or len(self.tasks) == 1


def read_predict_request(body: Mapping[str, Any]) -> PredictRequest:
    """Read the body of `/predict`; unknown keys are ignored.

    Raises `RequestError` when tasks or the labelling configuration are missing or of the wrong kind.
    """
    tasks = body.get("tasks")
    if not isinstance(tasks, list) or not all(isinstance(task, Mapping) for task in tasks):
        raise RequestError("predict needs 'tasks', a list of objects with 'id' and 'data'")
    label_config = body.get("label_config")
    if not isinstance(label_config, str):
        raise RequestError("predict needs a 'label_config', the labelling configuration as text")
    params = body.get("params")
    context = params.get("context") if isinstance(params, Mapping) else None
    return PredictRequest(
        tasks=tuple({field: task[field] for field in _TASK_FIELDS if field in task} for task in tasks),
        label_config=label_config,
        project=project_number(str(body.get("project") or "")),
        context=context if isinstance(context, Mapping) else None,
        credentials=read_credentials(params),
        project_key=key_from_contract(str(body.get("project") or "")),
    )


def job_payloads(request: PredictRequest, *, batch_size: int, extra_params: Any) -> list[dict[str, Any]]:
    """Cut a request into the payloads of jobs of at most `batch_size` tasks, in order."""
    return [
        {
            "tasks": list(request.tasks[start : start + batch_size]),
            "label_config": request.label_config,
            "project": request.project,
            "project_key": request.project_key,
            "context": request.context,
            "credentials": request.credentials.as_json() if request.credentials else None,
            "extra_params": extra_params,
        }
        for start in range(0, len(request.tasks), batch_size)
    ]


def merge_outcomes(
    payloads: Sequence[Mapping[str, Any]], outcomes: Sequence[Outcome], *, model_version: str
) -> list[dict[str, Any]]:
    """Return exactly one item for each task, in order.

    An item of a job that did not end well has no `result`: Label Studio skips such an item, stores the
    others, and asks for its task again (seen on 1.23.2).
    """
    items: list[dict[str, Any]] = []
    for payload, outcome in zip(payloads, outcomes, strict=True):
        count = len(payload["tasks"])
        results = outcome.value.get("results") if isinstance(outcome.value, Mapping) else None
        if outcome.state == "done" and isinstance(results, list) and len(results) == count:
            items.extend(results)
        else:
            reason = outcome.reason or "the worker returned something else than predictions"
            items.extend(passing_failure(reason, model_version=model_version) for _ in range(count))
    return items


def passing_failure(reason: str, *, model_version: str) -> dict[str, Any]:
    """Return the item of a task that should be asked for again."""
    return {
        "model_version": model_version,
        "score": 0.0,
        "error": {"kind": PASSING, "message": reason},
    }


def interactive_reply(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give every item a `result`: the editor of an interactive request reads it without asking."""
    return [item if "result" in item else {**item, "result": []} for item in items]
