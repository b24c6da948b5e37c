"""Everything that the status page and /status tell, gathered in one document."""

from dataclasses import asdict
from typing import Any

from backend.errors import QueueUnavailableError
from backend.projects import Project
from backend.queueing.label_descriptions import label_description
from backend.queueing.names import ALL_QUEUES
from backend.recent_predictions import recent_predictions
from backend.web.queue_state import failures, queue_counts, running, workers
from backend.web.services import Services


def overview(own: Services, *, wait_for_labels: bool) -> dict[str, Any]:
    """Describe the product now; what the queue server knows is left out, with a reason, while it is away.

    Args:
        own: the web process's services.
        wait_for_labels: whether to wait a second for a worker to read a new labelling configuration.

    """
    described: dict[str, Any] = {
        "model_version": own.model_version,
        "waiting_requests": own.admission.held,
        "events": own.events.counts(),
        "recent": [asdict(one) for one in recent_predictions(own.settings.data_dir).all()],
        "caches": own.cache_sizes.all(),
    }
    projects = own.projects.all()
    described["projects"] = [_project(own, project) for project in projects]
    try:
        described["workers"] = workers(own.connection)
        described["queues"] = {
            name: {
                **queue_counts(name, own.connection),
                "jobs": running(name, own.connection),
                "failures": failures(name, own.connection),
            }
            for name in ALL_QUEUES
        }
        for shown, project in zip(described["projects"], projects, strict=True):
            told = label_description(
                project.label_config,
                project.extra_params,
                connection=own.connection,
                wait=wait_for_labels and bool(described["workers"]),
            )
            shown["labels"] = told and _with_measured(told, shown["model_version"])
    except QueueUnavailableError as error:
        described["queue_error"] = str(error)
    return described


def _with_measured(told: dict[str, Any], version: str) -> dict[str, Any]:
    """Put what was measured among the warnings, if it was measured with the version in service."""
    measured = told.get("measured", {})
    if measured.get("model_version") != version:
        return {**told, "measured": None}
    return {**told, "warnings": [*told["warnings"], *measured["warnings"]]}


def _project(own: Services, project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "seen_at": project.seen_at,
        "extra_params": project.extra_params,
        "model_version": own.version_of(project.key),
        "labels": None,
    }
