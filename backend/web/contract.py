"""Label Studio's contract: /health, /setup, /predict, /webhook, /versions."""

import time
import uuid
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from backend.errors import QueueUnavailableError
from backend.events import START_TRAINING, read_events
from backend.predict_requests import (
    PredictRequest,
    interactive_reply,
    job_payloads,
    merge_outcomes,
    passing_failure,
    read_predict_request,
)
from backend.projects import read_setup
from backend.queueing.enqueue import enqueue_predict, give_up, wait_for
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
    own.projects.save(read_setup(read_json_object(request)))
    return {"model_version": own.model_version}


@contract.get("/versions")
def versions() -> ResponseReturnValue:
    """Name the versions that can predict."""
    return {"versions": [services().model_version]}


@contract.post("/predict")
def predict() -> ResponseReturnValue:
    """Return exactly one item for each task, in order, before Label Studio's 100 s are over."""
    own = services()
    asked = read_predict_request(read_json_object(request))
    with own.admission.admit():
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
        reply["job"] = f"recorded-{uuid.uuid4().hex}"
    return reply, 201


def _predictions(asked: PredictRequest) -> list[dict[str, Any]]:
    own = services()
    deadline = time.monotonic() + own.settings.predict_deadline_seconds
    project = own.projects.find(asked.project)
    extra_params = project.extra_params if project else None
    payloads = job_payloads(asked, batch_size=own.settings.batch_size, extra_params=extra_params)
    queue = INTERACTIVE if asked.is_interactive else INFERENCE
    try:
        jobs = [enqueue_predict(payload, queue=queue, connection=own.connection) for payload in payloads]
        outcomes = wait_for(jobs, deadline=deadline)
        give_up(jobs, outcomes)
    except QueueUnavailableError as error:
        return [passing_failure(str(error), model_version=own.model_version) for _ in asked.tasks]
    return merge_outcomes(payloads, outcomes, model_version=own.model_version)
