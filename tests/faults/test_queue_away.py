"""The queue server goes away between two calls, and comes back."""

import pytest

from tests.backend.web.bodies import photo_tasks, predict_body, setup_body, webhook_body
from tests.processes import MakeInstallation, wait_until


@pytest.mark.slow
def test_webhooks_are_recorded_predictions_are_asked_again_and_everything_recovers(
    new_installation: MakeInstallation,
) -> None:
    own = new_installation()
    web = own.start_web()
    worker = own.start_worker()
    assert web.get("/ready").status_code == 200

    own.kill_queue_server()
    assert web.get("/health").status_code == 200
    assert web.post("/setup", setup_body()).status_code == 200
    assert web.post("/webhook", webhook_body()).json()["recorded"] == 1
    assert web.get("/versions").status_code == 200
    ready = web.get("/ready")
    assert (ready.status_code, ready.json()["queue"]) == (503, "down")
    assert web.get("/status").json()["queue_error"]
    away = web.post("/predict", predict_body(photo_tasks()))
    assert away.status_code == 200
    assert [item["error"]["kind"] for item in away.json()["results"]] == ["passing", "passing"]
    assert not any("result" in item for item in away.json()["results"])

    own.start_queue_server()
    wait_until(lambda: web.get("/ready").status_code == 200, "the worker is back by itself")
    assert worker.exit_code is None
    back = web.post("/predict", predict_body(photo_tasks()))
    assert all(item["result"] for item in back.json()["results"])
    assert web.get("/status").json()["events"] == {"ANNOTATION_CREATED": 1}
    assert "Traceback" not in own.log_texts()


@pytest.mark.slow
def test_a_restart_between_two_calls_loses_nothing_that_waits(new_installation: MakeInstallation) -> None:
    own = new_installation()
    web = own.start_web(ZEGCLIP_PREDICT_DEADLINE_SECONDS="0.5")
    # Nobody works: the request is given up, its jobs are taken out of the queue again.
    late = web.post("/predict", predict_body(photo_tasks())).json()["results"]
    assert [item["error"]["kind"] for item in late] == ["passing", "passing"]
    own.queue_server.stop()
    own.start_queue_server()
    queues = web.get("/status").json()["queues"]
    assert [queue["waiting"] for queue in queues.values()] == [0] * len(queues)
