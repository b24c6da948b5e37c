import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.demo.label_studio_server import LabelStudioServer
from backend.demo.photos import Photo
from backend.demo.project import connect, find_or_create, unpainted, write_overlays
from backend.images.source import ImageSource
from backend.label_studio.client import LabelStudioClient
from backend.overlays import label_colours
from backend.product import Product
from backend.regions.brush_rle import encode_mask
from tests.http_server import LocalServer, json_answer
from tests.label_studio import MakeProject
from tests.photos import small_photos
from zegclip_core.labels import parse_words

LABELS = parse_words("cat, cup")


def task_ids(client: LabelStudioClient, project: int) -> list[int]:
    return [task.id for page in client.iter_tasks(project) for task in page]


def test_the_same_photos_and_labels_are_the_same_project(client: LabelStudioClient, tmp_path: Path) -> None:
    state = tmp_path / "projects.json"
    photos = small_photos()
    uploaded: list[int] = []
    project = find_or_create(client, photos=photos, labels=LABELS, state=state, progress=uploaded.append)
    assert uploaded == [1, 2]
    assert find_or_create(client, photos=photos, labels=LABELS, state=state) == project
    assert len(task_ids(client, project)) == 2


def test_an_interrupted_upload_goes_on_where_it_ended(client: LabelStudioClient, tmp_path: Path) -> None:
    state = tmp_path / "projects.json"
    photos = small_photos()

    class PulledPlugError(Exception):
        pass

    def pull_plug(_: int) -> None:
        raise PulledPlugError

    with pytest.raises(PulledPlugError):
        find_or_create(client, photos=photos, labels=LABELS, state=state, progress=pull_plug)
    project = find_or_create(client, photos=photos, labels=LABELS, state=state)
    assert list(json.loads(state.read_text()).values()) == [project]
    names = [
        str(task.data["image"]).rpartition("-")[2] for page in client.iter_tasks(project) for task in page
    ]
    assert sorted(names) == sorted(photo.name for photo in photos)


@pytest.mark.parametrize(
    ("photos", "labels"),
    [
        (small_photos(), parse_words("cat, dog")),
        ([Photo("chelsea.jpg", small_photos(["coffee.jpg"])[0].content)], LABELS),
    ],
    ids=["other labels", "the same name, another photograph"],
)
def test_anything_else_is_another_project(
    client: LabelStudioClient, tmp_path: Path, photos: list[Photo], labels: list
) -> None:
    state = tmp_path / "projects.json"
    first = find_or_create(client, photos=small_photos(["chelsea.jpg"]), labels=LABELS, state=state)
    assert find_or_create(client, photos=photos, labels=labels, state=state) != first


def test_a_project_that_was_deleted_is_made_anew(client: LabelStudioClient, tmp_path: Path) -> None:
    state = tmp_path / "projects.json"
    first = find_or_create(client, photos=small_photos(["chelsea.jpg"]), labels=LABELS, state=state)
    client.call("DELETE", f"/api/projects/{first}/")
    second = find_or_create(client, photos=small_photos(["chelsea.jpg"]), labels=LABELS, state=state)
    assert second != first
    assert len(task_ids(client, second)) == 1


def test_a_backend_at_the_port_of_an_earlier_start_is_replaced(
    client: LabelStudioClient, product: Product, make_project: MakeProject
) -> None:
    project = make_project(photos=[])
    with LocalServer() as earlier:
        earlier.routes = {
            "/health": json_answer({"status": "UP"}),
            "/setup": json_answer({"model_version": "earlier@1"}),
        }
        connect(client, project, earlier.url)
        connect(client, project, product.url)
    connect(client, project, product.url)
    assert [backend["url"] for backend in client.ml_backends(project)] == [product.url]
    assert [hook["url"] for hook in client.webhooks(project)] == [f"{product.url}/webhook"]


def test_overlays_show_what_label_studio_stored(
    client: LabelStudioClient, label_studio: LabelStudioServer, make_project: MakeProject, tmp_path: Path
) -> None:
    photos = [*small_photos(["chelsea.jpg"]), Photo("broken.jpg", b"no image")]
    project = make_project(labels="cat, cup", photos=photos)
    good, broken = (task.id for task in unpainted(client, project, "test@1"))
    width, height = Image.open(io.BytesIO(photos[0].content)).size
    mask = np.zeros((height, width), bool)
    mask[: height // 2] = True
    region = {
        "id": "r1",
        "from_name": "label",
        "to_name": "image",
        "type": "brushlabels",
        "original_width": width,
        "original_height": height,
        "value": {"format": "rle", "rle": encode_mask(mask), "brushlabels": ["cup"]},
    }
    client.create_prediction({"task": good, "result": [region], "score": 0.5, "model_version": "test@1"})
    client.create_prediction({"task": broken, "result": [], "score": 0.0, "model_version": "test@1"})

    report = write_overlays(
        client,
        project,
        version="test@1",
        images=ImageSource(
            label_studio=label_studio.origin(),
            cache_dir=tmp_path / "cache",
            cache_bytes=0,
            max_bytes=2**24,
            max_pixels=10**7,
        ),
        labels=LABELS,
        folder=tmp_path / "overlays",
    )

    assert report.regions == 1
    assert "no image" in report.failures[broken]
    assert [path.name for path in (tmp_path / "overlays").iterdir()] == [f"task-{good}.png"]
    with Image.open(tmp_path / "overlays" / f"task-{good}.png") as picture:
        drawn = np.asarray(picture.convert("RGB")).astype(int)
    with Image.open(io.BytesIO(photos[0].content)) as picture:
        photo = np.asarray(picture.convert("RGB")).astype(int)
    half = (photo[: height // 2] + np.array(label_colours(2)[1])) // 2
    assert np.abs(drawn[: height // 2] - half).max() <= 1
    assert np.array_equal(drawn[height // 2 : height], photo[height // 2 :])
