import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.convert.image_folder import ImageFolder
from backend.convert.label_studio_tasks import LabelStudioTasks
from backend.convert.masked_image import ConvertError
from backend.regions.formats import brush
from tests.backend.convert.data import HEIGHT, WIDTH, write_photos
from tests.backend.regions.masks import Mask, disk

UPLOADED = "/data/upload/2/5a0c25d0-photo%200.jpg"
DISK = disk(HEIGHT, WIDTH, x=60, y=40, radius=20)


def region(label: str | None = "car", mask: Mask = DISK, **more: Any) -> dict[str, Any]:
    labels = {} if label is None else {"brushlabels": [label]}
    return {
        "id": "r",
        "type": "brushlabels",
        "from_name": "tag",
        "to_name": "image",
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "value": {**brush.encode(mask), **labels},
        **more,
    }


def annotation(*result: Any, **more: Any) -> dict[str, Any]:
    return {"id": 1, "result": list(result), "updated_at": "2026-01-01", **more}


def opened(tmp_path: Path, *tasks: Any, images: ImageFolder | None = None) -> LabelStudioTasks:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(list(tasks)))
    return LabelStudioTasks(path, images=images or ImageFolder(None))


def task(*annotations: Any, **more: Any) -> dict[str, Any]:
    return {"id": 5, "data": {"image": UPLOADED}, "annotations": list(annotations), **more}


def test_regions_of_an_export(tmp_path: Path) -> None:
    source = opened(tmp_path, task(annotation(region(), {"type": "relation"}, region(None))))
    assert source.labels == ("car",)
    image = source.load("photo 0")
    assert (image.file, image.width, image.height) == ("photo 0.jpg", WIDTH, HEIGHT)
    (found,) = image.regions
    assert np.array_equal(found.mask, DISK)


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (UPLOADED, "photo 0"),
        ("/data/local-files/?d=street/a.jpg", "street/a"),
        ("https://example.com/x/a.png?token=1", "a"),
        ("s3://bucket/folder/a.jpeg", "a"),
        ("/data/local-files/?d=../../etc/a.jpg", "etc/a"),
    ],
)
def test_an_image_is_named_after_its_address(tmp_path: Path, address: str, name: str) -> None:
    assert opened(tmp_path, {"data": {"image": address}}).names() == [name]


def test_names_that_repeat_are_numbered(tmp_path: Path) -> None:
    assert opened(tmp_path, task(), task()).names() == ["photo 0", "photo 0-2"]


class TestWhichAnnotationCounts:
    def labels(self, tmp_path: Path, *annotations: Any, **more: Any) -> list[str]:
        image = opened(tmp_path, task(*annotations, **more)).load("photo 0")
        return [found.label for found in image.regions]

    def test_the_newest_that_was_not_skipped(self, tmp_path: Path) -> None:
        old = annotation(region("old"))
        new = annotation(region("new"), id=2, updated_at="2026-02-01")
        skipped = annotation(id=3, updated_at="2026-03-01", was_cancelled=True)
        assert self.labels(tmp_path, old, new, skipped) == ["new"]

    def test_ground_truth_before_anything_newer(self, tmp_path: Path) -> None:
        truth = annotation(region("truth"), ground_truth=True)
        assert self.labels(tmp_path, truth, annotation(region("new"), updated_at="2027")) == ["truth"]

    def test_without_annotations_the_prediction(self, tmp_path: Path) -> None:
        assert self.labels(tmp_path, predictions=[{"result": [region("guess")]}]) == ["guess"]


def test_images_of_a_list_and_side_by_side_keep_their_own_regions(tmp_path: Path) -> None:
    pages = {
        "data": {"pages": ["a.jpg", "b.jpg"]},
        "annotations": [annotation(region("car", item_index=1), region("road", item_index=0))],
    }
    pair = {
        "data": {"left": "l.jpg", "right": "r.jpg"},
        "annotations": [annotation(region("car", to_name="left"), region("road", to_name="right"))],
    }
    source = opened(tmp_path, pages, pair)
    found = {name: [one.label for one in source.load(name).regions] for name in source.names()}
    assert found == {"a": ["road"], "b": ["car"], "l": ["car"], "r": ["road"]}


def test_an_image_without_regions_takes_its_size_from_the_photograph(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match="--images"):
        opened(tmp_path, task(annotation())).load("photo 0")
    photos = ImageFolder(write_photos(tmp_path / "photos"))
    assert opened(tmp_path, task(annotation()), images=photos).load("photo 0").width == WIDTH


def test_a_damaged_region_fails_its_image(tmp_path: Path) -> None:
    broken = region(value={"rle": [1, 2], "brushlabels": ["car"]})
    with pytest.raises(ConvertError, match="photo 0"):
        opened(tmp_path, task(annotation(broken))).load("photo 0")


@pytest.mark.parametrize(
    "content", ['{"a": 1}', "[1]", "no json", "[" * 5000, '[{"data": {"text": "hello"}}]']
)
def test_what_is_no_export_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "export.json"
    path.write_text(content)
    with pytest.raises(ConvertError):
        LabelStudioTasks(path, images=ImageFolder(None))


def test_a_correction_made_in_the_editor_is_read(shared_dir: Path, tmp_path: Path) -> None:
    recorded = json.loads((shared_dir / "payloads/annotation_created_corrected_in_ui.json").read_text())
    body = recorded.get("body", recorded)
    source = opened(tmp_path, {**body["task"], "annotations": [body["annotation"]]})
    image = source.load(source.names()[0])
    assert image.regions
    assert all(found.mask.any() for found in image.regions)
