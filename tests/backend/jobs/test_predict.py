"""The prediction job, run by a real worker with the embedded model."""

import io
import time
from typing import Any

import pytest
from PIL import Image

from backend.queueing.enqueue import Outcome, enqueue_predict, wait_for
from backend.queueing.names import INFERENCE
from backend.recent_predictions import recent_predictions
from tests.backend.web.bodies import LABELS, photo_tasks, task
from tests.processes import BackendProcess, Installation, wait_until

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


def test_a_picture_is_kept_for_the_status_page(run: Any, installation: Installation) -> None:
    kept = recent_predictions(installation.data_dir)
    number = time.time_ns()

    def is_kept() -> bool:
        # One in a few seconds is kept: the test before may have had it.
        run({"tasks": [photo_tasks()[0] | {"id": number}], "label_config": LABELS, "project": "3"})
        return kept.all()[:1] != [] and kept.all()[0].task == str(number)

    wait_until(is_kept, "the picture is kept")
    newest = kept.all()[0]
    assert (newest.project, newest.model_version) == ("3", "zegclip-mini@2")
    assert "cat" in newest.labels
    picture = kept.picture(newest.name)
    assert picture is not None
    with Image.open(io.BytesIO(picture)) as opened:
        assert opened.format == "JPEG"
        assert max(opened.size) <= 400


def test_a_payload_that_nobody_could_have_made_fails_its_job_with_a_reason(run: Any) -> None:
    outcome = run({"tasks": []})
    assert outcome.state == "failed"
    assert "label_config" in outcome.reason
