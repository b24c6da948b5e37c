"""Label Studio's contract: /health, /setup, /predict, /webhook, /versions."""

import contextlib
import time
import uuid
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from backend.errors import QueueUnavailableError
from backend.events import START_TRAINING, Event, read_events
from backend.learning.news import start_name
from backend.learning.served_version import all_served_versions
from backend.learning.trigger import start_job
from backend.predict_requests import (
    PredictRequest,
    interactive_reply,
    job_payloads,
    merge_outcomes,
    passing_failure,
    read_predict_request,
)
from backend.projects import read_setup
from backend.queueing.learning_jobs import enqueue_learning
from backend.queueing.names import INFERENCE, INTERACTIVE
from backend.web.bodies import read_json_object
from backend.web.services import services

MODEL_CLASS = "ZegCLIP"
contract = Blueprint("contract", __name__)


@contract.get("/health")
def health() -> ResponseReturnValue:
    """Tell that the web process lives; asked before nearly everything, so it touches nothing."""
    return {"status": "UP", "model_class": MODEL_CLASS, "model_version": services().model_version}


@contract.post("/setup")
def setup() -> ResponseReturnValue:
    """Remember a project's labels and name the model version; loads no weights."""
    own = services()
    project = read_setup(read_json_object(request))
    own.projects.save(project)
    return {"model_version": own.version_of(project.key)}


@contract.get("/versions")
def versions() -> ResponseReturnValue:
    """Name the versions that can predict."""
    own = services()
    return {"versions": all_served_versions(own.learning, base=own.model_version)}


@contract.post("/predict")
def predict() -> ResponseReturnValue:
    """Return exactly one item for each task, in order, before Label Studio's 100 s are over."""
    # A body can weigh megabytes: it is read only when there is a place for it.
    with services().admission.admit():
        asked = read_predict_request(read_json_object(request))
        items = _predictions(asked)
    return {"results": interactive_reply(items) if asked.context is not None else items}


@contract.post("/webhook")
@contract.post("/webhook/<secret>")
def webhook(secret: str | None = None) -> ResponseReturnValue:
    """Write an event down and answer at once; whoever learns from it reads the truth from the API."""
    body = read_json_object(request)
    events = read_events(body)
    new = services().events.record(events)
    reply: dict[str, Any] = {"status": "ok", "recorded": new, "known": len(events) - new}
    if body["action"] == START_TRAINING:
        reply["job"] = _start_training(events[0])
    return reply, 201


def _start_training(event: Event) -> str:
    """Queue a training at once; where that is impossible, the scheduler finds the recorded event later."""
    own = services()
    project = own.projects.find(event.project)
    if project is None or not project.key:
        return f"recorded-{uuid.uuid4().hex}"
    job = start_job(project.key, start_name(event.version))
    newest = own.events.last(project=event.project)
    payload = {
        "key": project.key,
        "run": job.job_id,
        "why": job.why,
        # A training worker on another machine has neither the log nor the description.
        "events": (newest, newest),
        "extra_params": project.extra_params,
    }
    with contextlib.suppress(QueueUnavailableError):
        enqueue_learning(job.kind, payload, job_id=job.job_id, connection=own.connection, why=job.why)
    return job.job_id


def _predictions(asked: PredictRequest) -> list[dict[str, Any]]:
    own = services()
    deadline = time.monotonic() + own.settings.predict_deadline_seconds
    project = own.projects.find(asked.project)
    extra_params = project.extra_params if project else None
    version = own.version_of(asked.project_key)
    payloads = job_payloads(asked, batch_size=own.settings.batch_size, extra_params=extra_params)
    queue = INTERACTIVE if asked.is_interactive else INFERENCE
    try:
        outcomes = own.shared_jobs.outcomes(payloads, queue=queue, version=version, deadline=deadline)
    except QueueUnavailableError as error:
        return [passing_failure(str(error), model_version=version) for _ in asked.tasks]
    return merge_outcomes(payloads, outcomes, model_version=version)
