"""What the product is doing: /ready, /status, /jobs/<id>, as JSON."""

from typing import Any

from flask import Blueprint
from flask.typing import ResponseReturnValue
from rq import Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job

from backend.errors import QueueUnavailableError, RequestError
from backend.logs import redact
from backend.queueing.connection import SERIALIZER, open_queue, queue_errors
from backend.queueing.names import ALL_QUEUES, INFERENCE_QUEUES
from backend.web.services import services

_FAILURES_SHOWN = 20
status_pages = Blueprint("status", __name__)


@status_pages.get("/ready")
def ready() -> ResponseReturnValue:
    """Tell whether predictions can be made now: 200, or 503 with the part that is missing."""
    try:
        workers = _workers()
    except QueueUnavailableError as error:
        return {"ready": False, "queue": "down", "message": str(error)}, 503
    able = any(set(INFERENCE_QUEUES) & set(worker["queues"]) for worker in workers)
    state = {"ready": able, "queue": "up", "inference_workers": able}
    return state, 200 if able else 503


@status_pages.get("/status")
def status() -> ResponseReturnValue:
    """Describe queues, workers, failures, projects and events; answers also while the queue is away."""
    own = services()
    described: dict[str, Any] = {
        "model_version": own.model_version,
        "waiting_requests": own.admission.held,
        "projects": [
            {"id": project.id, "seen_at": project.seen_at, "extra_params": project.extra_params}
            for project in own.projects.all()
        ],
        "events": own.events.counts(),
    }
    try:
        described["workers"] = _workers()
        described["queues"] = {name: _queue(name) for name in ALL_QUEUES}
    except QueueUnavailableError as error:
        described["queue_error"] = str(error)
    return described


@status_pages.get("/jobs/<job_id>")
def job(job_id: str) -> ResponseReturnValue:
    """Describe one job; 404 when it is unknown or its record has expired."""
    with queue_errors():
        try:
            found = Job.fetch(job_id, connection=services().connection, serializer=SERIALIZER)
        except NoSuchJobError:
            raise RequestError(f"no job {job_id!r}", status=404, code="unknown_job") from None
        return _job(found)


def _workers() -> list[dict[str, Any]]:
    with queue_errors():
        return [
            {
                "name": worker.name,
                "queues": worker.queue_names(),
                "state": str(worker.get_state()),
                "current_job": worker.get_current_job_id(),
                "done": worker.successful_job_count,
                "failed": worker.failed_job_count,
            }
            for worker in Worker.all(connection=services().connection, serializer=SERIALIZER)
        ]


def _queue(name: str) -> dict[str, Any]:
    with queue_errors():
        queue = open_queue(name, services().connection)
        failed = queue.failed_job_registry.get_job_ids(0, _FAILURES_SHOWN - 1)
        found = Job.fetch_many(failed, connection=services().connection, serializer=SERIALIZER)
        return {
            "waiting": queue.count,
            "running": queue.started_job_registry.count,
            "failed": queue.failed_job_registry.count,
            "failures": [_job(one) for one in found if one is not None],
        }


def _job(one: Job) -> dict[str, Any]:
    result = one.latest_result()
    lines = (result.exc_string or "").strip().splitlines() if result else []
    return {
        "id": one.id,
        "state": one.get_status(refresh=False).value,
        "description": one.description,
        "enqueued_at": one.enqueued_at.isoformat() if one.enqueued_at else None,
        "ended_at": one.ended_at.isoformat() if one.ended_at else None,
        "reason": redact(lines[-1]) if lines else None,
    }
