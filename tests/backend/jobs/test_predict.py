"""The prediction job, run by a real worker with the embedded model."""

import time
from typing import Any

import pytest

from backend.queueing.enqueue import Outcome, enqueue_predict, wait_for
from backend.queueing.names import INFERENCE
from tests.backend.web.bodies import LABELS, photo_tasks, task
from tests.processes import BackendProcess, Installation

pytestmark = pytest.mark.slow


@pytest.fixture
def run(installation: Installation, inference_worker: BackendProcess) -> Any:
    """Run one job: `run({"tasks": …})` returns its outcome."""

    def run_payload(payload: dict[str, Any]) -> Outcome:
        job = enqueue_predict(payload, queue=INFERENCE, connection=installation.connection)
        (outcome,) = wait_for([job], deadline=time.monotonic() + 120)
        return outcome

    return run_payload


def test_a_job_returns_one_item_for_each_task(run: Any) -> None:
    outcome = run({"tasks": photo_tasks(), "label_config": LABELS, "project": "3"})
    assert outcome.state == "done"
    assert [bool(item["result"]) for item in outcome.value["results"]] == [True, True]


def test_a_task_that_fails_does_not_fail_the_job(run: Any) -> None:
    outcome = run({"tasks": [task(1, "no-such:address"), photo_tasks()[0]], "label_config": LABELS})
    assert outcome.state == "done"
    assert [bool(item["result"]) for item in outcome.value["results"]] == [False, True]


def test_a_payload_that_nobody_could_have_made_fails_its_job_with_a_reason(run: Any) -> None:
    outcome = run({"tasks": []})
    assert outcome.state == "failed"
    assert "label_config" in outcome.reason
