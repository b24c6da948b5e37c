"""The whole loop with a real Label Studio, queue and workers: corrections improve the next predictions."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from backend.cli import main
from backend.demo.label_studio_server import LabelStudioServer
from backend.label_studio.client import LabelStudioClient
from backend.learning.find_project import find_project
from backend.learning.sample_store import SampleStore
from backend.product import Product
from backend.settings import load_settings
from tests.backend.learning.toy import CONFIG, LABELS, ToyPicture, correction, toy_pictures
from tests.e2e.editor import Editor
from tests.label_studio import PRODUCT_READY_SECONDS, MakeProject, unused_port
from tests.processes import wait_until

PATIENCE = 900.0
CORRECTED = 12
PICTURES = 16

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def product(label_studio: LabelStudioServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product with a short training, started by ten corrections."""
    settings = load_settings(
        host="127.0.0.1",
        port=unused_port(),
        data_dir=tmp_path_factory.mktemp("loop"),
        model="zegclip-mini",
        device="cpu",
        threads=1,
        label_studio_url=label_studio.url,
        label_studio_api_key=label_studio.token(),
        train_after=10,
        training_iterations=40,
        scheduler_seconds=0.5,
        log_level="INFO",
    )
    with Product(settings=settings) as running:
        running.wait_until_ready(timeout=PRODUCT_READY_SECONDS)
        yield running


def tasks_of(client: LabelStudioClient, project: int) -> dict[str, dict[str, Any]]:
    """Return tasks with predictions by the name of their picture."""
    reply = client.call(
        "GET",
        "/api/tasks",
        query={"project": project, "page_size": 100, "fields": "all", "include": "id,data,predictions"},
    )
    return {task["data"]["image"].rsplit("-toy-", 1)[1]: task for task in reply["tasks"]}


def versions_of(task: dict[str, Any]) -> list[str]:
    return [one["model_version"] for one in task["predictions"]]


def regions_of(task: dict[str, Any], version: str) -> set[str]:
    """Return the ids of what a version painted on a task."""
    return {
        region["id"]
        for one in task["predictions"]
        if one["model_version"] == version
        for region in one["result"]
    }


def correct(client: LabelStudioClient, task: dict[str, Any], picture: ToyPicture) -> None:
    client.call(
        "POST",
        f"/api/tasks/{task['id']}/annotations/",
        body={
            "result": correction(picture.truth),
            "lead_time": 20.0,
            "parent_prediction": task["predictions"][0]["id"],
        },
    )


def correct_in_browser(
    editor: Editor, project: int, task: dict[str, Any], picture: ToyPicture
) -> dict[str, Any]:
    """Paint a stroke of each label with the brush, along the middle of where it is, and submit."""
    editor.open_task(project, task["id"])
    height, width = picture.truth.shape
    for number in range(1, len(LABELS) + 1):
        rows, columns = np.nonzero(picture.truth == number)
        row = float(np.median(rows)) / height
        editor.choose_label(number)
        editor.paint_stroke([(float(np.quantile(columns, share)) / width, row) for share in (0.2, 0.5, 0.8)])
    return editor.submit()


def test_a_dozen_corrections_train_pass_the_gate_and_paint_the_other_tasks_again(
    product: Product, client: LabelStudioClient, make_project: MakeProject, editor: Editor
) -> None:
    """One of them is made in the browser, and there the new version's regions are seen."""
    pictures = toy_pictures(PICTURES)
    project = make_project(config=CONFIG, photos=[picture.photo for picture in pictures], backend=product.url)
    client.retrieve_predictions(project)
    tasks = tasks_of(client, project)
    by_name = {picture.photo.name.removeprefix("toy-"): picture for picture in pictures}
    assert all(len(task["predictions"]) == 1 for task in tasks.values())

    names = sorted(by_name)
    painted, *others = names[:CORRECTED]
    submitted = correct_in_browser(editor, project, tasks[painted], by_name[painted])
    strokes = [one["value"]["brushlabels"] for one in submitted["result"] if one["origin"] == "manual"]
    assert strokes == [[label] for label in LABELS]
    for name in others:
        correct(client, tasks[name], by_name[name])

    folder = find_project(product.settings, project)
    wait_until(lambda: folder.state.trained_at, "a training has ended", patience=PATIENCE)
    [version] = folder.registry.versions()
    assert version.facts.promoted, version.facts.reason
    assert version.facts.corrections >= 10
    assert set(version.facts.seen) == set(LABELS)
    [sample] = SampleStore(files=folder.samples).tasks()[tasks[painted]["id"]].samples
    assert sample.annotations == (submitted["id"],)

    name = folder.version_name(version.number)
    [backend] = client.ml_backends(project)
    assert backend["model_version"] == name
    left = names[CORRECTED:]
    wait_until(
        lambda: all(name in versions_of(tasks_of(client, project)[task]) for task in left),
        "the tasks that nobody corrected have new predictions",
        patience=PATIENCE,
    )
    now = tasks_of(client, project)
    assert versions_of(now[names[0]]) == ["zegclip-mini@4"]
    task = next(now[one] for one in left if regions_of(now[one], name))
    editor.open_task(project, task["id"])
    editor.wait_for_regions()
    assert {one.id for one in editor.regions()} == regions_of(task, name)


def test_the_label_stream_asks_for_the_least_certain_task(
    product: Product, client: LabelStudioClient, make_project: MakeProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(
        config=CONFIG, photos=[picture.photo for picture in toy_pictures(4)], backend=product.url
    )
    client.retrieve_predictions(project)
    settings = product.settings
    key = settings.label_studio_api_key
    assert key is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABEL_STUDIO_API_KEY", key.get_secret_value())
        arguments = ["--data-dir", str(settings.data_dir), "--label-studio-url", settings.label_studio_url]
        assert main(["rank", "--project", str(project), "--quiet", *arguments]) == 0
    assert "4 tasks in 1 clusters" in capsys.readouterr().out
    scores = {
        task["id"]: prediction["score"]
        for task in tasks_of(client, project).values()
        for prediction in task["predictions"]
    }
    asked = client.call("GET", f"/api/projects/{project}/next")
    assert scores[asked["id"]] == min(scores.values())
    assert client.project(project)["sampling"] == "Uncertainty sampling"
