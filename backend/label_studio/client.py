"""The calls of Label Studio's API that this product makes, over its own token handling.

The SDK's client reads its token from the environment when it is imported; this one takes an origin,
shares its access token with the image downloads, and never shows it.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from backend.label_studio.errors import ApiError, LabelStudioUnreachableError
from backend.label_studio.origin import LabelStudioOrigin, refused, unreachable

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 120.0
_SHOWN = 300
# `fields=all` makes Label Studio fill in the versions; `include` then leaves the heavy masks out.
_LIGHT_FIELDS = {"fields": "all", "include": "id,data,predictions_model_versions"}


@dataclass(frozen=True, slots=True)
class LightTask:
    """A task without its results.

    Attributes:
        id: its number.
        data: what was imported.
        model_versions: versions of the predictions it has.

    """

    id: int
    data: Mapping[str, Any]
    model_versions: frozenset[str]


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One page of a project's tasks.

    Attributes:
        tasks: in the order of their numbers.
        is_last: whether no page follows.

    """

    tasks: tuple[LightTask, ...]
    is_last: bool


class LabelStudioClient:
    """Calls one Label Studio server.

    Args:
        origin: its address and token.
        answer_seconds: how long it may take to begin an answer.

    All methods raise `LabelStudioUnreachableError`, `TokenError` or `ApiError` with the cure.

    """

    def __init__(self, *, origin: LabelStudioOrigin, answer_seconds: float = _ANSWER_SECONDS) -> None:
        self.origin = origin
        self._timeout = (_CONNECT_SECONDS, answer_seconds)
        self._session = requests.Session()

    def version(self) -> str:
        """Return Label Studio's release, such as `1.23.2`."""
        return str(self.call("GET", "/api/version").get("release", "unknown"))

    def whoami(self) -> dict[str, Any]:
        """Return the token's user."""
        found: dict[str, Any] = self.call("GET", "/api/current-user/whoami")
        return found

    def project(self, project: int) -> dict[str, Any]:
        """Return a project with its `label_config` and `task_number`."""
        found: dict[str, Any] = self.call("GET", f"/api/projects/{project}/")
        return found

    def create_project(self, *, title: str, label_config: str) -> int:
        """Make a project and return its number."""
        return int(
            self.call("POST", "/api/projects/", body={"title": title, "label_config": label_config})["id"]
        )

    def upload(self, project: int, *, name: str, content: bytes) -> None:
        """Import one image file as a task."""
        self.call("POST", f"/api/projects/{project}/import", files={name: (name, content)})

    def task_page(self, project: int, number: int, *, page_size: int = 100) -> TaskPage:
        """Return a page of the project's tasks; the first has number 1, one behind the last is empty."""
        query = {"project": project, "page": number, "page_size": page_size, **_LIGHT_FIELDS}
        try:
            reply = self.call("GET", "/api/tasks", query=query)
        except ApiError as error:
            if error.status == 404 and number > 1:
                # Tasks were deleted meanwhile, and with them the last page.
                return TaskPage((), is_last=True)
            raise
        tasks = tuple(light_task(task) for task in reply["tasks"])
        return TaskPage(tasks, is_last=not tasks or number * page_size >= reply["total"])

    def iter_tasks(self, project: int, *, page_size: int = 100) -> Iterator[list[LightTask]]:
        """Yield the project's tasks page by page."""
        for number in itertools.count(1):
            page = self.task_page(project, number, page_size=page_size)
            yield list(page.tasks)
            if page.is_last:
                return

    def predictions(self, project: int) -> list[dict[str, Any]]:
        """Return all predictions of a project with their masks."""
        found: list[dict[str, Any]] = self.call("GET", "/api/predictions/", query={"project": project})
        return found

    def versions_of_task(self, task: int) -> frozenset[str]:
        """Return the versions of a task's predictions; no backend is asked for new ones."""
        found = self.call("GET", "/api/predictions/", query={"task": task})
        return frozenset(str(prediction["model_version"]) for prediction in found)

    def import_predictions(self, project: int, predictions: Sequence[Mapping[str, Any]]) -> int:
        """Store predictions (`task`, `result`, `score`, `model_version`) and return how many were taken."""
        reply = self.call("POST", f"/api/projects/{project}/import/predictions", body=list(predictions))
        return int(reply["created"])

    def create_prediction(self, prediction: Mapping[str, Any]) -> None:
        """Store one prediction; a refusal is an `ApiError` with Label Studio's reason."""
        self.call("POST", "/api/predictions/", body=dict(prediction))

    def delete_model_version(self, project: int, model_version: str) -> int:
        """Delete a version's predictions and return how many there were."""
        reply = self.call(
            "DELETE", f"/api/projects/{project}/model-versions/", body={"model_version": model_version}
        )
        return int(reply.get("deleted_predictions", 0))

    def ml_backends(self, project: int) -> list[dict[str, Any]]:
        """Return the backends that are connected to a project; asking makes Label Studio check each."""
        found: list[dict[str, Any]] = self.call("GET", "/api/ml", query={"project": project})
        return found

    def connect_backend(self, project: int, *, url: str, title: str, interactive: bool = False) -> int:
        """Connect a backend as the settings page does, and return its number."""
        body = {"project": project, "url": url, "title": title, "is_interactive": interactive}
        return int(self.call("POST", "/api/ml/", body=body)["id"])

    def disconnect_backend(self, project: int, backend: int, *, url: str) -> None:
        """Take a backend away from a project, and its webhook, which Label Studio would leave behind."""
        self.call("DELETE", f"/api/ml/{backend}")
        for hook in self.webhooks(project):
            if str(hook["url"]).startswith(url.rstrip("/") + "/webhook"):
                self.call("DELETE", f"/api/webhooks/{hook['id']}/")

    def retrieve_predictions(self, project: int) -> dict[str, Any]:
        """Do what the Data Manager's "Retrieve predictions" does for all tasks; waits for the end."""
        reply: dict[str, Any] = self.call(
            "POST",
            "/api/dm/actions",
            query={"id": "retrieve_tasks_predictions", "project": project},
            body={"selectedItems": {"all": True, "excluded": []}},
        )
        return reply

    def projects(self) -> list[dict[str, Any]]:
        """Return the projects that the token's user sees (the first thousand)."""
        reply = self.call("GET", "/api/projects/", query={"page_size": 1000})
        found: list[dict[str, Any]] = reply["results"] if isinstance(reply, dict) else reply
        return found

    def webhooks(self, project: int) -> list[dict[str, Any]]:
        """Return a project's webhooks."""
        found: list[dict[str, Any]] = self.call("GET", "/api/webhooks/", query={"project": project})
        return found

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: object = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
    ) -> Any:
        """Make one call and return its JSON (None for an empty reply); a 401 renews the token once."""
        reply = self._send(method, path, query, body, files, renew=False)
        if reply.status_code == 401 and self.origin.token_kind == "personal":
            reply = self._send(method, path, query, body, files, renew=True)
        if reply.status_code == 401:
            raise refused(self.origin.url, reply.status_code, self.origin.token_kind)
        if reply.status_code >= 500:
            raise LabelStudioUnreachableError(
                f"Label Studio at {self.origin.url} answers {reply.status_code} to {method} {path}"
            )
        if not reply.ok:
            raise ApiError(
                f"Label Studio refuses {method} {path} ({reply.status_code}): {_reason(reply)}",
                status=reply.status_code,
            )
        return _body(reply, f"{method} {path}")

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: object,
        files: Mapping[str, tuple[str, bytes]] | None,
        *,
        renew: bool,
    ) -> requests.Response:
        try:
            return self._session.request(
                method,
                self.origin.url + path,
                params=query,
                json=body,
                files=files,
                headers=self.origin.headers(renew=renew),
                timeout=self._timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise unreachable(self.origin.url, error) from error


def light_task(task: Mapping[str, Any]) -> LightTask:
    """Read a task of the Data Manager's list."""
    versions = str(task.get("predictions_model_versions") or "")
    names = (name.strip() for name in versions.split(","))
    return LightTask(int(task["id"]), task.get("data") or {}, frozenset(name for name in names if name))


def _body(reply: requests.Response, asked: str) -> Any:
    """The JSON of a good reply; raises `ApiError` when something else than Label Studio's API answered."""
    if reply.is_redirect:
        raise ApiError(
            f"{asked} is redirected to {reply.headers['Location']}: set LABEL_STUDIO_URL to Label Studio's "
            "own address, with https:// where it has it",
            status=reply.status_code,
        )
    try:
        return reply.json() if reply.content else None
    except ValueError as error:
        raise ApiError(
            f"{asked} is not answered by Label Studio's API: is LABEL_STUDIO_URL Label Studio's address?",
            status=reply.status_code,
        ) from error


def _reason(reply: requests.Response) -> str:
    try:
        body = reply.json()
    except ValueError:
        return reply.reason or "no reason given"
    if isinstance(body, dict):
        return str(body.get("validation_errors") or body.get("detail") or body)[:_SHOWN]
    return str(body)[:_SHOWN]
