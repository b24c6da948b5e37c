import uuid

import pytest
from flask.testing import FlaskClient
from rq import SimpleWorker

from backend.queueing.connection import SERIALIZER, open_queue
from backend.queueing.names import INFERENCE_QUEUES, TRAINING
from tests.backend.queueing.jobs import FAIL
from tests.backend.web.bodies import setup_body, webhook_body
from tests.backend.web.conftest import MakeApp
from tests.processes import Installation, MakeInstallation


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


@pytest.fixture
def connected(own: Installation, make_app: MakeApp) -> FlaskClient:
    return make_app(redis_url=own.redis_url).test_client()


def worker_for(own: Installation, *queues: str) -> SimpleWorker:
    opened = [open_queue(name, own.connection) for name in queues]
    return SimpleWorker(
        opened, name=f"test-{uuid.uuid4().hex}", connection=own.connection, serializer=SERIALIZER
    )


def test_without_a_queue_server_the_product_is_not_ready_and_says_why(client: FlaskClient) -> None:
    reply = client.get("/ready")
    assert reply.status_code == 503
    assert reply.get_json()["queue"] == "down"
    assert "REDIS_URL" in reply.get_json()["message"]


def test_without_an_inference_worker_it_is_not_ready(own: Installation, connected: FlaskClient) -> None:
    worker_for(own, TRAINING).register_birth()
    reply = connected.get("/ready")
    assert reply.status_code == 503
    assert reply.get_json() == {"ready": False, "queue": "up", "inference_workers": False}


def test_with_an_inference_worker_it_is_ready(own: Installation, connected: FlaskClient) -> None:
    worker_for(own, *INFERENCE_QUEUES).register_birth()
    reply = connected.get("/ready")
    assert (reply.status_code, reply.get_json()["ready"]) == (200, True)


def test_status_answers_also_while_the_queue_is_away(client: FlaskClient) -> None:
    client.post("/setup", json=setup_body())
    client.post("/webhook", json=webhook_body())
    described = client.get("/status").get_json()
    assert described["queue_error"]
    assert described["events"] == {"ANNOTATION_CREATED": 1}
    assert [project["id"] for project in described["projects"]] == ["3"]
    assert "t0ken" not in str(described)


def test_status_tells_queues_workers_and_why_jobs_failed(own: Installation, connected: FlaskClient) -> None:
    queue = open_queue("inference", own.connection)
    failed = queue.enqueue(FAIL, "token=hunter2 is wrong")
    worker = worker_for(own, "inference")
    worker.log.disabled = True
    worker.work(burst=True)
    waiting = queue.enqueue(FAIL, "later")
    described = connected.get("/status").get_json()["queues"]["inference"]
    assert (described["waiting"], described["running"], described["failed"]) == (1, 0, 1)
    (failure,) = described["failures"]
    assert failure["id"] == failed.id
    assert failure["reason"] == "ValueError: token=[hidden] is wrong"
    one = connected.get(f"/jobs/{waiting.id}").get_json()
    assert one["state"] == "queued"


def test_an_unknown_job_is_not_found(connected: FlaskClient) -> None:
    reply = connected.get("/jobs/no-such-job")
    assert (reply.status_code, reply.get_json()["error"]) == (404, "unknown_job")


def test_a_job_cannot_be_looked_up_while_the_queue_is_away(client: FlaskClient) -> None:
    assert client.get("/jobs/some-job").status_code == 503
