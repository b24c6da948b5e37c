"""Label Studio's contract on a running web process with a real queue and a real worker."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from backend.web.services import services
from tests.backend.web.bodies import photo_tasks, predict_body, setup_body, task, webhook_body
from tests.backend.web.conftest import MakeApp
from tests.processes import BackendProcess, WebProcess, data_url

VERSION = "zegclip-mini@4"
PAYLOADS = (
    "annotation_created",
    "annotation_created_corrected_in_ui",
    "annotation_created_skip",
    "annotation_updated",
    "annotations_deleted",
    "predict_batch",
    "predict_interactive",
    "predict_interactive_keypoint_ui",
    "predict_interactive_ui_b",
    "predict_interactive_ui_c",
    "predict_test",
    "project_updated",
    "setup",
    "start_training",
    "tasks_created",
)


def check_item(item: dict[str, Any]) -> None:
    """What Label Studio wants of every item: a version, a score, and a list of regions unless it failed."""
    assert item["model_version"]
    assert 0 <= item["score"] <= 1
    assert isinstance(item.get("result", []), list)
    assert item.get("result") is not None or item["error"]["kind"] == "passing"


def test_the_recorded_requests_are_all_here(shared_dir: Path) -> None:
    assert sorted(path.stem for path in (shared_dir / "payloads").glob("*.json")) == sorted(PAYLOADS)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAYLOADS)
def test_a_recorded_request_is_answered_as_the_contract_says(
    name: str, shared_dir: Path, web: WebProcess, inference_worker: BackendProcess
) -> None:
    recorded = json.loads((shared_dir / "payloads" / f"{name}.json").read_text())
    reply = web.post(recorded["path"].rstrip("?"), recorded["body"])
    if name == "setup":
        assert (reply.status_code, reply.json()) == (200, {"model_version": VERSION})
    elif name.startswith("predict"):
        assert reply.status_code == 200
        items = reply.json()["results"]
        assert len(items) == len(recorded["body"]["tasks"])
        for item in items:
            check_item(item)
            assert not name.startswith("predict_interactive") or isinstance(item["result"], list)
    else:
        assert reply.status_code == 201
        assert reply.json()["recorded"] + reply.json()["known"] >= 1


@pytest.mark.slow
def test_photos_come_back_as_regions_one_item_for_each_task_in_order(
    web: WebProcess, inference_worker: BackendProcess
) -> None:
    cat, cup = photo_tasks()
    tasks = [cat, task(98, "no-such:address"), cup, task(99, data_url(b"not an image"))]
    reply = web.post("/predict", predict_body(tasks))
    items = reply.json()["results"]
    assert [bool(item["result"]) for item in items] == [True, False, True, False]
    for item in items:
        check_item(item)
        assert item["model_version"] == VERSION
    labels = [{r["value"]["brushlabels"][0] for r in item["result"]} for item in items]
    assert "cat" in labels[0]
    assert "cup" in labels[2]
    assert items[1]["error"]["kind"] == items[3]["error"]["kind"] == "permanent"


@pytest.mark.slow
def test_a_request_of_many_jobs_keeps_the_order(web: WebProcess, inference_worker: BackendProcess) -> None:
    cat, cup = photo_tasks()
    items = web.post("/predict", predict_body([cat, cup, cat, cup, cup, cat])).json()["results"]
    big = [max(item["result"], key=lambda region: len(region["value"]["rle"])) for item in items]
    assert [region["value"]["brushlabels"][0] for region in big] == ["cat", "cup", "cat", "cup", "cup", "cat"]


def test_no_tasks_give_no_items(web: WebProcess) -> None:
    assert web.post("/predict", predict_body([])).json() == {"results": []}


@pytest.mark.slow
def test_labels_that_cannot_be_read_fail_tasks_not_the_request(
    web: WebProcess, inference_worker: BackendProcess
) -> None:
    for config in ("", "<View", "<View/>", "<View><Text name='t' value='$t'/></View>", "<a>" * 2000):
        reply = web.post("/predict", predict_body(photo_tasks(), label_config=config))
        assert reply.status_code == 200
        items = reply.json()["results"]
        assert [item["result"] for item in items] == [[], []]
        assert all(item["error"]["message"] for item in items)


@pytest.mark.parametrize(
    "changes", [{"tasks": None}, {"tasks": "x"}, {"tasks": [1]}, {"label_config": None}, {"label_config": []}]
)
def test_a_predict_request_of_wrong_types_is_refused(changes: dict[str, Any], client: FlaskClient) -> None:
    reply = client.post("/predict", json=predict_body([task(1, "/a.jpg")]) | changes)
    assert (reply.status_code, reply.get_json()["error"]) == (400, "bad_request")


@pytest.mark.slow
@pytest.mark.parametrize(
    "data", [None, [], "x", {}, {"image": None}, {"image": 7}, {"image": ["/a.jpg"]}, {"image": ""}]
)
def test_tasks_with_data_of_wrong_types_fail_alone(
    data: object, web: WebProcess, inference_worker: BackendProcess
) -> None:
    wrong = {"id": 1, "data": data}
    items = web.post("/predict", predict_body([wrong, photo_tasks()[0]])).json()["results"]
    assert items[0]["result"] == []
    assert items[1]["result"]


def test_health_names_model_and_version(client: FlaskClient) -> None:
    assert client.get("/health").get_json() == {
        "status": "UP",
        "model_class": "ZegCLIP",
        "model_version": VERSION,
    }


def test_setup_health_and_versions_name_one_and_the_same_version(client: FlaskClient) -> None:
    setup = client.post("/setup", json=setup_body()).get_json()["model_version"]
    health = client.get("/health").get_json()["model_version"]
    assert client.get("/versions").get_json() == {"versions": [setup]}
    assert setup == health == VERSION


def test_setup_works_without_the_queue_and_repeats_no_token(client: FlaskClient) -> None:
    reply = client.post("/setup", json=setup_body())
    assert reply.status_code == 200
    assert "t0ken" not in reply.get_data(as_text=True)
    assert [project["id"] for project in client.get("/status").get_json()["projects"]] == ["3"]


@pytest.mark.parametrize("changes", [{"project": None}, {"project": []}, {"schema": None}, {"schema": 7}])
def test_a_setup_of_wrong_types_is_refused(changes: dict[str, Any], client: FlaskClient) -> None:
    assert client.post("/setup", json=setup_body(**changes)).status_code == 400


def test_a_webhook_is_recorded_once_however_often_it_comes(client: FlaskClient) -> None:
    replies = [client.post("/webhook", json=webhook_body()).get_json() for _ in range(3)]
    assert [(reply["recorded"], reply["known"]) for reply in replies] == [(1, 0), (0, 1), (0, 1)]


def test_fifty_copies_of_a_webhook_at_once_give_one_row(web: WebProcess) -> None:
    body = webhook_body(annotation=4711)
    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(lambda _: web.post("/webhook", body), range(50)))
    assert {reply.status_code for reply in replies} == {201}
    assert sum(reply.json()["recorded"] for reply in replies) == 1


def test_the_training_buttons_webhook_gets_a_job_that_label_studio_can_store(client: FlaskClient) -> None:
    reply = client.post("/webhook", json={"action": "START_TRAINING", "project": {"id": 3}})
    assert reply.status_code == 201
    assert 0 < len(reply.get_json()["job"]) <= 128


def test_an_event_of_a_kind_that_nobody_knows_yet_is_recorded(client: FlaskClient) -> None:
    reply = client.post("/webhook", json={"action": "COMMENT_CREATED", "project": {"id": 3}})
    assert (reply.status_code, reply.get_json()["recorded"]) == (201, 1)


@pytest.mark.parametrize("body", [{}, {"action": "X"}, {"project": 3}, {"action": 1, "project": 3}])
def test_a_webhook_without_action_or_project_is_refused(body: dict[str, Any], client: FlaskClient) -> None:
    assert client.post("/webhook", json=body).status_code == 400


def test_without_a_queue_every_task_gets_an_item_that_is_asked_again(client: FlaskClient) -> None:
    reply = client.post("/predict", json=predict_body([task(n, "/a.jpg") for n in range(5)]))
    assert reply.status_code == 200
    items = reply.get_json()["results"]
    assert [item["error"]["kind"] for item in items] == ["passing"] * 5
    assert not any("result" in item for item in items)


def test_without_a_queue_an_interactive_request_gets_an_empty_result(client: FlaskClient) -> None:
    body = predict_body([task(1, "/a.jpg")], params={"context": {"result": []}})
    (item,) = client.post("/predict", json=body).get_json()["results"]
    assert item["result"] == []


def test_without_a_worker_the_deadline_ends_the_wait(make_app: MakeApp, installation: Any) -> None:
    app = make_app(redis_url=installation.redis_url, predict_deadline_seconds=0.01, batch_size=1)
    body = predict_body([task(n, "no-such:address") for n in range(3)])
    started = time.monotonic()
    items = app.test_client().post("/predict", json=body).get_json()["results"]
    assert len(items) == 3
    assert time.monotonic() - started < 60


def test_beyond_the_bound_callers_are_told_when_to_come_again(make_app: MakeApp) -> None:
    app = make_app(max_waiting_requests=1)
    with app.app_context(), services().admission.admit():
        reply = app.test_client().post("/predict", json=predict_body([task(1, "/a.jpg")]))
    assert (reply.status_code, reply.get_json()["error"]) == (503, "busy")
    assert int(reply.headers["Retry-After"]) > 0
