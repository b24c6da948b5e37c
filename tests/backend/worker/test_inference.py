import pytest
from rq.job import Job

from backend.queueing.connection import SERIALIZER
from backend.queueing.enqueue import enqueue_predict
from backend.queueing.names import INFERENCE, INTERACTIVE
from tests.backend.web.bodies import LABELS, photo_tasks
from tests.processes import BackendProcess, Installation, MakeInstallation

PAYLOAD = {"tasks": photo_tasks()[:1], "label_config": LABELS, "project": "3"}


@pytest.mark.slow
def test_who_waits_at_the_screen_is_served_before_batches(new_installation: MakeInstallation) -> None:
    own = new_installation()
    order = [
        enqueue_predict(PAYLOAD, queue=queue, connection=own.connection).id
        for queue in (INFERENCE, INFERENCE, INTERACTIVE)
    ]
    worker = own.start("worker", "inference", "--burst", REDIS_URL=own.redis_url)
    assert worker.wait() == 0, worker.log_text()
    ended = {
        job_id: Job.fetch(job_id, connection=own.connection, serializer=SERIALIZER).ended_at
        for job_id in order
    }
    assert sorted(order, key=lambda job_id: ended[job_id]) == [order[2], order[0], order[1]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "model", ["no-such-model", "/no/such/checkpoint.safetensors", "ViT-B-16/no-such-weights"]
)
def test_a_model_that_cannot_be_loaded_ends_the_worker_with_a_message(
    model: str, installation: Installation
) -> None:
    worker = installation.start("worker", "inference", "--model", model, REDIS_URL=installation.redis_url)
    assert worker.wait() == 1
    assert model.rpartition("/")[2] in worker.log_text()
    assert "Traceback" not in worker.log_text()


@pytest.mark.parametrize("kind", ["inference", "training", "ingest"])
def test_a_queue_that_does_not_answer_ends_the_worker_with_a_message(
    kind: str, installation: Installation
) -> None:
    worker = installation.start("worker", kind, REDIS_URL="redis://127.0.0.1:9")
    assert worker.wait() == 1
    assert "REDIS_URL" in worker.log_text()
    assert "Traceback" not in worker.log_text()


@pytest.mark.slow
def test_a_worker_tells_its_version_once_it_is_loaded(inference_worker: BackendProcess) -> None:
    assert "model zegclip-mini@4 is loaded" in inference_worker.log_text()
