"""The prediction job, run by a real worker with the embedded model."""

import io
import threading
import time
from typing import Any

import pytest
from PIL import Image

from backend.queueing.enqueue import Outcome, enqueue_predict, wait_for
from backend.queueing.names import INFERENCE, INTERACTIVE
from backend.recent_predictions import recent_predictions
from tests.backend.web.bodies import LABELS, photo_tasks, task
from tests.http_server import Answer, Asked, LocalServer
from tests.photos import small_photos
from tests.processes import BackendProcess, Installation, MakeInstallation, wait_until

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
    assert (newest.project, newest.model_version) == ("3", "zegclip-mini@4")
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


def test_a_click_is_answered_before_the_batch_that_its_worker_is_in(
    new_installation: MakeInstallation,
) -> None:
    cat, cup = (photo.content for photo in small_photos())
    asked_for_first, clicked, answered = threading.Event(), threading.Event(), threading.Event()

    def first(_: Asked) -> Answer:
        asked_for_first.set()
        assert clicked.wait(120)
        return Answer(cup)

    def last(_: Asked) -> Answer:
        # The worker would wait here for ever if it did not paint the click before.
        assert answered.wait(120)
        return Answer(cat)

    with LocalServer() as server:
        server.routes = {"/data/1.jpg": first, "/data/2.jpg": Answer(cat), "/data/3.jpg": last}
        own = new_installation(LABEL_STUDIO_URL=server.url)
        own.start_worker()
        tasks = [task(number, f"/data/{number}.jpg") for number in (1, 2, 3)]
        batch = enqueue_predict(
            {"tasks": tasks, "label_config": LABELS, "project": "3"},
            queue=INFERENCE,
            connection=own.connection,
        )
        assert asked_for_first.wait(120)
        click = enqueue_predict(
            {"tasks": photo_tasks()[:1], "label_config": LABELS, "project": "3"},
            queue=INTERACTIVE,
            connection=own.connection,
        )
        clicked.set()
        (answer,) = wait_for([click], deadline=time.monotonic() + 20)
        assert answer.state == "done"
        answered.set()
        (outcome,) = wait_for([batch], deadline=time.monotonic() + 120)
        assert [asked.target for asked in server.asked].count("/data/1.jpg") == 1
    names = [
        {name for r in item["result"] for name in r["value"]["brushlabels"]}
        for item in outcome.value["results"]
    ]
    assert ["cup" in names[0], names[1], names[2]] == [True, {"cat"}, {"cat"}]
