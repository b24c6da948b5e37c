"""What the product is doing: /ready and /jobs/<id> as JSON, /status as JSON and / as a page."""

import hmac
from datetime import UTC, datetime

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job

from backend.errors import QueueUnavailableError, RequestError
from backend.queueing.connection import SERIALIZER, queue_errors
from backend.queueing.names import INFERENCE_QUEUES
from backend.recent_predictions import recent_predictions
from backend.web.overview import overview
from backend.web.queue_state import describe, workers
from backend.web.services import services

status_pages = Blueprint("status", __name__)


@status_pages.get("/ready")
def ready() -> ResponseReturnValue:
    """Tell whether predictions can be made now: 200, or 503 with the part that is missing."""
    try:
        found = workers(services().connection)
    except QueueUnavailableError as error:
        return {"ready": False, "queue": "down", "message": str(error)}, 503
    able = any(set(INFERENCE_QUEUES) & set(worker["queues"]) for worker in found)
    state = {"ready": able, "queue": "up", "inference_workers": able}
    return state, 200 if able else 503


@status_pages.get("/status")
def status() -> ResponseReturnValue:
    """Describe queues, workers, failures, projects and events; answers also while the queue is away."""
    return overview(services(), wait_for_labels=False)


@status_pages.get("/")
def page() -> ResponseReturnValue:
    """Show the same to a person."""
    own = services()
    described = overview(own, wait_for_labels=True)
    return render_template("status.html", form_token=own.form_token, day_and_time=_day_and_time, **described)


@status_pages.get("/recent/<name>.jpg")
def recent(name: str) -> ResponseReturnValue:
    """Show one recent prediction."""
    picture = recent_predictions(services().settings.data_dir).picture(name)
    if picture is None:
        raise RequestError(f"no recent prediction {name!r}", status=404, code="unknown_picture")
    return Response(picture, mimetype="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@status_pages.get("/jobs/<job_id>")
def job(job_id: str) -> ResponseReturnValue:
    """Describe one job; 404 when it is unknown or its record has expired."""
    with queue_errors():
        return describe(_find(job_id))


@status_pages.post("/jobs/<job_id>/retry")
def retry(job_id: str) -> ResponseReturnValue:
    """Queue a failed job again; takes the page's own form only, which no other site can know."""
    given = request.form.get("token", "")
    if not hmac.compare_digest(given.encode(), services().form_token.encode()):
        raise RequestError("this form is out of date: load the status page again", status=403, code="form")
    with queue_errors():
        try:
            _find(job_id).requeue()
        except InvalidJobOperation:
            raise RequestError(f"job {job_id!r} has not failed", status=409, code="not_failed") from None
    return redirect(url_for("status.page"), code=303)


def _find(job_id: str) -> Job:
    try:
        return Job.fetch(job_id, connection=services().connection, serializer=SERIALIZER)
    except NoSuchJobError:
        raise RequestError(f"no job {job_id!r}", status=404, code="unknown_job") from None


def _day_and_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
