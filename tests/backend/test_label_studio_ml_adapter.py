"""The adapter inside upstream's real server; skipped where `label-studio-ml` 2.x is not installed."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from label_studio_sdk.label_interface import LabelInterface

from tests.backend.label_studio.configs import brush, view
from tests.embedded_model import NOBODY, local_file

CONFIG = view(brush("cat", "cup", "table"))
VERSION = "zegclip-mini@4"
PROJECT = "2.1795425884"
CAT, CUP, BROKEN = (local_file(name) for name in ("chelsea.jpg", "coffee.jpg", "broken.jpg"))
HAS_UPSTREAM = importlib.util.find_spec("label_studio_ml") is not None

needs_upstream = pytest.mark.skipif(not HAS_UPSTREAM, reason="label-studio-ml 2.x is not installed")


@pytest.mark.skipif(HAS_UPSTREAM, reason="label-studio-ml is installed")
def test_without_upstream_s_package_the_import_tells_how_to_get_it() -> None:
    code = "import backend.label_studio_ml_adapter"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "LabelStudioMlMissingError" in last
    assert "pip install git+https://github.com/HumanSignal/label-studio-ml-backend" in last
    assert "zegclip start" in last


@pytest.fixture(scope="module")
def client(photo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Upstream's server with the adapter, on folders of its own."""
    folder = tmp_path_factory.mktemp("upstream")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODEL_DIR", str(folder / "cache"))
        patch.setenv("ZEGCLIP_DATA_DIR", str(folder / "data"))
        patch.setenv("ZEGCLIP_LOCAL_FILES_ROOT", str(photo_folder))
        patch.setenv("ZEGCLIP_DEVICE", "cpu")
        patch.setenv("ZEGCLIP_THREADS", "1")
        patch.setenv("LABEL_STUDIO_URL", NOBODY)
        from label_studio_ml.api import init_app

        from backend.label_studio_ml_adapter import ZegCLIPBackend

        app = init_app(model_class=ZegCLIPBackend)
        app.config["TESTING"] = True
        with app.test_client() as client:
            yield client


def setup(client: Any, **more: Any) -> Any:
    body = {"project": PROJECT, "schema": CONFIG, "hostname": NOBODY, "access_token": "secret", **more}
    return client.post("/setup", json=body)


def predict(client: Any, *images: Any, config: str = CONFIG, **params: Any) -> list[dict[str, Any]]:
    reply = client.post(
        "/predict",
        json={
            "tasks": [
                {"id": number, "data": {"image": image}} for number, image in enumerate(images, start=1)
            ],
            "project": PROJECT,
            "label_config": config,
            "params": {"login": None, "password": None, "context": None, **params},
        },
    )
    assert reply.status_code == 200, reply.text
    results: list[dict[str, Any]] = reply.get_json()["results"]
    return results


@needs_upstream
@pytest.mark.filterwarnings("default::DeprecationWarning")
class TestInUpstreamsServer:
    def test_health(self, client: Any) -> None:
        assert client.get("/health").get_json() == {"status": "UP", "model_class": "ZegCLIPBackend"}

    @pytest.mark.parametrize("extra_params", [None, {}, {"model_min_area": 5}, [1], "text", '{"a": 1}', 7])
    def test_setup_names_the_version_whatever_the_extra_params(self, client: Any, extra_params: Any) -> None:
        reply = setup(client, extra_params=extra_params)
        assert (reply.status_code, reply.get_json()) == (200, {"model_version": VERSION})

    def test_setup_takes_a_configuration_that_cannot_be_read(self, client: Any) -> None:
        for schema in ("<View>", "", "<View/>", '<!DOCTYPE v [<!ENTITY a "b">]><View>&a;</View>'):
            assert setup(client, schema=schema).status_code == 200

    def test_one_prediction_for_each_task_in_order(self, client: Any) -> None:
        setup(client, extra_params={})
        cat, broken, cup = predict(client, CAT, BROKEN, CUP)
        assert [region["value"]["brushlabels"] for region in cat["result"]] == [["cat"]]
        assert ["cup"] in [region["value"]["brushlabels"] for region in cup["result"]]
        assert broken["result"] == []
        for item in (cat, broken, cup):
            assert item["model_version"] == VERSION
            assert LabelInterface(CONFIG).validate_prediction(item, return_errors=True) == []

    def test_a_server_that_does_not_answer_gives_an_empty_prediction(self, client: Any) -> None:
        (item,) = predict(client, "/data/upload/2/a.jpg")
        assert (item["result"], item["model_version"]) == ([], VERSION)

    def test_a_configuration_that_cannot_be_painted_gives_empty_predictions(self, client: Any) -> None:
        for config in ("<View>", "<View/>"):
            assert [item["result"] for item in predict(client, CAT, CUP, config=config)] == [[], []]

    def test_extra_params_count(self, client: Any) -> None:
        setup(client, extra_params={"model_score_threshold": 0.9999})
        assert predict(client, CAT)[0]["result"] == []
        setup(client, extra_params={"model_score_threshold": 0})
        assert predict(client, CAT)[0]["result"] != []

    def test_an_interactive_request_paints_the_chosen_label(self, client: Any) -> None:
        points = (
            '<KeyPointLabels name="points" toName="image" smart="true"><Label value="cat"/></KeyPointLabels>'
        )
        click = {
            "id": "click",
            "type": "keypointlabels",
            "from_name": "points",
            "to_name": "image",
            "original_width": 256,
            "original_height": 170,
            "is_positive": True,
            "value": {"x": 50, "y": 50, "width": 0.3, "keypointlabels": ["cat"]},
        }
        config = view(points, brush("cat", "cup", "table"))
        (item,) = predict(client, CAT, config=config, context={"result": [click]})
        assert [region["value"]["brushlabels"] for region in item["result"]] == [["cat"]]

    @pytest.mark.parametrize("context", [None, {}])
    def test_no_context_is_an_ordinary_request(self, client: Any, context: Any) -> None:
        assert predict(client, CAT, context=context)[0]["result"]

    def test_events_are_written_down_once(self, client: Any) -> None:
        body = {
            "action": "ANNOTATION_CREATED",
            "project": {"id": 2, "label_config": CONFIG},
            "task": {"id": 1},
            "annotation": {"id": 31, "updated_at": "2026-01-01T00:00:00Z", "task": 1, "result": []},
        }
        for expected in ({"recorded": 1, "known": 0}, {"recorded": 0, "known": 1}):
            reply = client.post("/webhook", json=body)
            assert reply.status_code == 201
            assert reply.get_json()["result"] == expected

    def test_the_training_button_brings_neither_annotation_nor_task(self, client: Any) -> None:
        body = {"action": "START_TRAINING", "project": {"id": 2, "label_config": CONFIG}}
        reply = client.post("/webhook", json=body)
        assert (reply.status_code, reply.get_json()["result"]["recorded"]) == (201, 1)

    def test_the_model_is_loaded_once_for_all_requests(self, client: Any) -> None:
        from backend.jobs.predictor import installed_predictor

        predict(client, CAT)
        first = installed_predictor()
        predict(client, CAT)
        assert installed_predictor() is first
