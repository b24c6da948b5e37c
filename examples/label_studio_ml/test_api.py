"""The server answers as Label Studio expects: `pip install -r requirements-test.txt`, then `pytest` here."""

import base64
import io
import json

import numpy as np
import pytest
from model import ZegCLIPBackend
from PIL import Image

LABEL_CONFIG = """
<View>
  <Image name="image" value="$image"/>
  <BrushLabels name="tag" toName="image">
    <Label value="sky"/>
    <Label value="grass"/>
  </BrushLabels>
</View>
"""
PROJECT = "1.1795425884"


@pytest.fixture
def client(tmp_path, monkeypatch):
    """The app that `_wsgi.py` serves."""
    monkeypatch.setenv("ZEGCLIP_DATA_DIR", str(tmp_path))
    from _wsgi import init_app

    app = init_app(model_class=ZegCLIPBackend)
    app.config["TESTING"] = True
    with app.test_client() as client:
        yield client


def meadow() -> str:
    """Return a picture of blue above green as a data address."""
    pixels = np.zeros((96, 128, 3), np.uint8)
    pixels[:48], pixels[48:] = (120, 170, 235), (60, 140, 50)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def post(client, path, body):
    """Post JSON and return the reply's JSON."""
    reply = client.post(path, data=json.dumps(body), content_type="application/json")
    assert reply.status_code in (200, 201), reply.text
    return json.loads(reply.data)


def test_setup_names_the_model_version(client):
    body = {"project": PROJECT, "schema": LABEL_CONFIG, "extra_params": {"model_min_area": 10}}
    assert post(client, "/setup", body)["model_version"].startswith("zegclip-mini@")


def test_every_task_has_one_prediction_in_order(client):
    tasks = [
        {"id": 1, "data": {"image": meadow()}},
        {"id": 2, "data": {"image": "data:image/png;base64,AAAA"}},
    ]
    body = {"tasks": tasks, "label_config": LABEL_CONFIG, "project": PROJECT, "params": {}}
    first, second = post(client, "/predict", body)["results"]
    assert first["model_version"] == second["model_version"]
    for region in first["result"]:
        assert region["type"] == "brushlabels"
        assert region["value"]["brushlabels"][0] in ("sky", "grass")
        assert (region["original_width"], region["original_height"]) == (128, 96)
    assert second["result"] == []


def test_an_event_is_acknowledged(client):
    project = {"id": 1, "label_config": LABEL_CONFIG}
    reply = post(client, "/webhook", {"action": "START_TRAINING", "project": project})
    assert reply["status"] == "ok"
