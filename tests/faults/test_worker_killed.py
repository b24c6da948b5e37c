"""A worker dies in the middle of a job: killed, out of memory, power cut."""

import signal
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests
from rq.job import Job

from backend.queueing import enqueue as enqueue_module
from backend.queueing.batch_queues import batch_queues
from backend.queueing.connection import SERIALIZER, open_queue
from backend.queueing.enqueue import enqueue_predict
from backend.queueing.names import INFERENCE, INTERACTIVE, PREDICT_RETRIES
from tests.backend.queueing.jobs import KILL_WORKER
from tests.backend.web.bodies import photo_tasks, predict_body, task
from tests.faults.photo_server import ADDRESS, PhotoServer
from tests.processes import Installation, MakeInstallation, wait_until

pytestmark = pytest.mark.slow


def results(asked: "Future[requests.Response]") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asked.result().json()["results"]
    return found


def under_way(own: Installation) -> int | None:
    """The place of the task that a worker is busy with."""
    for queue in (open_queue(INTERACTIVE, own.connection), *batch_queues(own.connection)):
        for job_id in queue.started_job_registry.get_job_ids():
            place: int | None = Job.fetch(job_id, own.connection, SERIALIZER).meta.get("task_under_way")
            return place
    return None


def test_another_worker_takes_the_job_over_and_the_waiting_request_gets_its_masks(
    photos: PhotoServer, new_installation: MakeInstallation
) -> None:
    own = new_installation(LABEL_STUDIO_URL=photos.url)
    web, victim = own.start_web(), own.start_worker()
    photos.hold = True
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(web.post, "/predict", predict_body([task(1, ADDRESS)]))
        wait_until(lambda: photos.requests, "the worker is in the middle of its job")
        victim.kill()
        photos.let_through()
        own.start_worker()
        (item,) = results(asked)
    assert item["result"]
    assert len(photos.requests) == 2
    waiting = [open_queue(INTERACTIVE, own.connection), *batch_queues(own.connection)]
    assert all(queue.count == 0 for queue in waiting)


def test_a_worker_that_is_asked_to_end_finishes_its_job_and_leaves_the_rest_in_the_queue(
    photos: PhotoServer, new_installation: MakeInstallation
) -> None:
    own = new_installation(LABEL_STUDIO_URL=photos.url)
    web, worker = own.start_web(ZEGCLIP_BATCH_SIZE="1"), own.start_worker()
    photos.hold = True
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(web.post, "/predict", predict_body([task(n, f"{ADDRESS}?{n}") for n in range(2)]))
        wait_until(lambda: photos.requests, "the worker is in the middle of the first job")
        worker.signal(signal.SIGTERM)
        photos.let_through()
        assert worker.wait() == 0
        assert sum(queue.count for queue in batch_queues(own.connection)) == 1
        own.start_worker()
        assert [bool(item["result"]) for item in results(asked)] == [True, True]
    assert len(photos.requests) == 2


@pytest.mark.timeout(600)
def test_a_task_that_kills_its_workers_fails_alone(
    photos: PhotoServer, new_installation: MakeInstallation
) -> None:
    own = new_installation(LABEL_STUDIO_URL=photos.url)
    web = own.start_web()
    photos.hold = True
    tasks = [photo_tasks()[0], task(2, ADDRESS), photo_tasks()[1]]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(web.post, "/predict", predict_body(tasks))
        for death in (1, 2):
            victim = own.start_worker()
            wait_until(lambda: len(photos.requests) == death, "the image is asked for")  # noqa: B023
            wait_until(lambda: under_way(own) == 1, "the task is under way")
            victim.kill()
        own.start_worker()
        first, poisonous, last = results(asked)
    assert first["result"]
    assert last["result"]
    assert poisonous["result"] == []
    assert "2 workers died" in poisonous["error"]["message"]


@pytest.mark.timeout(600)
def test_a_job_that_kills_every_worker_fails_with_a_reason_and_the_next_job_is_served(
    new_installation: MakeInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = new_installation()
    monkeypatch.setattr(enqueue_module, "RUN_PREDICT", KILL_WORKER)
    poison = enqueue_predict({"tasks": []}, queue=INFERENCE, connection=own.connection)
    for _ in range(1 + PREDICT_RETRIES):
        worker = own.start("worker", "inference", REDIS_URL=own.redis_url)
        assert worker.wait() == -signal.SIGKILL
    web = own.start_web()
    own.start_worker()
    assert all(item["result"] for item in web.post("/predict", predict_body(photo_tasks())).json()["results"])
    (failure,) = web.get("/status").json()["queues"][INFERENCE]["failures"]
    assert failure["id"] == poison.id
    assert "AbandonedJobError" in failure["reason"]
