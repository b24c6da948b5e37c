"""Every way in which predictions get into Label Studio, and what becomes of tasks that fail."""

import uuid
from collections.abc import Iterator

import pytest
import requests

from backend.demo.label_studio_server import LabelStudioServer
from backend.demo.photos import Photo
from backend.label_studio.client import LabelStudioClient
from backend.product import Product
from tests.http_server import Answer, LocalServer
from tests.label_studio import MakeProject
from tests.photos import small_photos

VERSION = "zegclip-mini@4"
CHELSEA = small_photos(["chelsea.jpg"])[0]
BROKEN = Photo("broken.jpg", b"no image at all")


def open_task(client: LabelStudioClient, task: int) -> dict:
    """Do what the Data Manager does when a task is clicked; Label Studio asks the backend meanwhile."""
    opened: dict = client.call("GET", f"/api/tasks/{task}", query={"interaction": "true"})
    return opened


def task_ids(client: LabelStudioClient, project: int) -> list[int]:
    return [task.id for page in client.iter_tasks(project) for task in page]


def versions_by_task(client: LabelStudioClient, project: int) -> dict[int, set[str]]:
    return {task.id: set(task.model_versions) for page in client.iter_tasks(project) for task in page}


@pytest.fixture
def image_server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


def import_by_address(client: LabelStudioClient, project: int, *addresses: str) -> list[int]:
    client.call("POST", f"/api/projects/{project}/import", body=[{"image": a} for a in addresses])
    return task_ids(client, project)


def test_connecting_is_answered_with_model_version_and_a_webhook(
    client: LabelStudioClient, make_project: MakeProject, product: Product
) -> None:
    project = make_project(photos=[], backend=product.url)
    (backend,) = client.ml_backends(project)
    assert (backend["state"], backend["model_version"]) == ("CO", VERSION)
    assert [hook["url"] for hook in client.webhooks(project)] == [f"{product.url}/webhook"]
    assert requests.get(f"{product.url}/versions", timeout=60).json() == {"versions": [VERSION]}


def test_opening_a_task_paints_it_once(
    client: LabelStudioClient, make_project: MakeProject, product: Product
) -> None:
    project = make_project(labels="cat, cup", photos=[CHELSEA], backend=product.url)
    (task,) = task_ids(client, project)
    (prediction,) = open_task(client, task)["predictions"]
    assert prediction["model_version"] == VERSION
    assert 0 < prediction["score"] <= 1
    assert [region["value"]["brushlabels"] for region in prediction["result"]] == [["cat"]]
    again = open_task(client, task)["predictions"]
    assert [p["id"] for p in again] == [prediction["id"]]


def test_the_label_stream_brings_a_painted_task(
    client: LabelStudioClient, make_project: MakeProject, product: Product
) -> None:
    project = make_project(labels="cat, cup", photos=[CHELSEA], backend=product.url)
    task = client.call("GET", f"/api/projects/{project}/next/")
    assert [p["model_version"] for p in task["predictions"]] == [VERSION]


def test_retrieve_predictions_paints_all_tasks_and_a_broken_one_fails_alone(
    client: LabelStudioClient, make_project: MakeProject, product: Product
) -> None:
    project = make_project(labels="cat, cup", photos=[CHELSEA, BROKEN, CHELSEA], backend=product.url)
    client.retrieve_predictions(project)
    first, broken, last = task_ids(client, project)
    by_task = {p["task"]: p for p in client.predictions(project)}
    assert {p["model_version"] for p in by_task.values()} == {VERSION}
    assert by_task[broken]["result"] == []
    for task in (first, last):
        assert [r["value"]["brushlabels"] for r in by_task[task]["result"]] == [["cat"]]


def test_predict_test_shows_the_whole_exchange_and_stores_nothing(
    client: LabelStudioClient, make_project: MakeProject, product: Product
) -> None:
    project = make_project(labels="cat, cup", photos=[CHELSEA], backend=product.url)
    (backend,) = client.ml_backends(project)
    shown = client.call("POST", f"/api/ml/{backend['id']}/predict/test", query={"random": "true"})
    (result,) = shown["response"]
    assert shown["status"] == 200
    assert result["model_version"] == VERSION
    assert [region["value"]["brushlabels"] for region in result["result"]] == [["cat"]]
    assert client.predictions(project) == []


def test_a_task_that_failed_for_a_passing_reason_is_asked_again(
    client: LabelStudioClient, make_project: MakeProject, product: Product, image_server: LocalServer
) -> None:
    project = make_project(labels="cat, cup", photos=[CHELSEA], backend=product.url)
    place = f"/{uuid.uuid4().hex}.jpg"
    image_server.routes[place] = Answer(b"come back later", status=503)
    good, away = import_by_address(client, project, image_server.url + place)

    client.retrieve_predictions(project)
    assert versions_by_task(client, project) == {good: {VERSION}, away: set()}
    assert open_task(client, away)["predictions"] == []

    image_server.routes[place] = Answer(CHELSEA.content, headers={"Content-Type": "image/jpeg"})
    (prediction,) = open_task(client, away)["predictions"]
    assert [region["value"]["brushlabels"] for region in prediction["result"]] == [["cat"]]


def test_a_poisonous_task_is_not_asked_again_and_again(
    client: LabelStudioClient, make_project: MakeProject, product: Product, image_server: LocalServer
) -> None:
    project = make_project(labels="cat, cup", photos=[], backend=product.url)
    place = f"/{uuid.uuid4().hex}.jpg"
    image_server.routes[place] = Answer(BROKEN.content)
    (task,) = import_by_address(client, project, image_server.url + place)
    for _ in range(3):
        (prediction,) = open_task(client, task)["predictions"]
        assert (prediction["result"], prediction["score"]) == ([], 0.0)
    assert len(image_server.targets()) == 1


def test_the_status_page_shows_no_token(label_studio: LabelStudioServer, product: Product) -> None:
    status = requests.get(f"{product.url}/status", timeout=60)
    assert status.ok
    assert label_studio.token() not in status.text
