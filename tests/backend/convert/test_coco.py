import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.convert.coco import Coco, CocoWriter
from backend.convert.masked_image import ConvertError, LabelledMask, MaskedImage
from tests.backend.convert.data import LABELS, images
from tests.backend.regions.masks import overlap

CONTENT: dict[str, Any] = {
    "images": [{"id": 7, "file_name": "a/b.jpg", "width": 6, "height": 4}],
    "categories": [{"id": 3, "name": "car"}, {"id": 9, "name": "road"}],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 9, "segmentation": [[0, 0, 6, 0, 6, 4, 0, 4]]},
        {"id": 2, "image_id": 7, "category_id": 3, "segmentation": {"size": [4, 6], "counts": [0, 4, 20]}},
        {"id": 3, "image_id": 7, "category_id": 3, "bbox": [0, 0, 1, 1]},
    ],
}


def opened(tmp_path: Path, **changed: Any) -> Coco:
    path = tmp_path / "instances.json"
    path.write_text(json.dumps({**CONTENT, **changed}))
    return Coco(path)


def test_polygons_and_run_lengths_are_read_in_order(tmp_path: Path) -> None:
    source = opened(tmp_path)
    assert source.labels == ("car", "road")
    assert source.names() == ["a/b"]
    image = source.load("a/b")
    assert (image.file, image.width, image.height) == ("a/b.jpg", 6, 4)
    assert [region.label for region in image.regions] == ["road", "car"]
    assert image.regions[0].mask.all()
    assert image.regions[1].mask[:, 0].all()
    assert image.regions[1].mask.sum() == 4


def test_several_polygons_are_one_region(tmp_path: Path) -> None:
    parts = [[0, 0, 2, 0, 2, 2, 0, 2], [4, 2, 6, 2, 6, 4, 4, 4]]
    annotation = {"id": 1, "image_id": 7, "category_id": 3, "segmentation": parts}
    (region,) = opened(tmp_path, annotations=[annotation]).load("a/b").regions
    assert region.mask.sum() == 8


def test_areas_and_boxes_are_those_of_the_masks(tmp_path: Path) -> None:
    mask = np.zeros((10, 12), np.bool_)
    mask[2:5, 3:9] = True
    writer = CocoWriter(tmp_path, labels=("car",))
    writer.write(MaskedImage("a", "a.jpg", 12, 10, (LabelledMask("car", mask),)))
    writer.finish()
    (annotation,) = json.loads((tmp_path / "annotations.json").read_text())["annotations"]
    assert annotation["area"] == 18
    assert annotation["bbox"] == [3, 2, 6, 3]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_reference_reads_what_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pycocotools.coco import COCO

    writer = CocoWriter(tmp_path, labels=LABELS)
    for image in images():
        writer.write(image)
    writer.finish()
    reference = COCO(str(tmp_path / "annotations.json"))
    for number, image in enumerate(images(), start=1):
        found = [reference.annToMask(one) for one in reference.loadAnns(reference.getAnnIds(imgIds=[number]))]
        assert len(found) == len(image.regions)
        for mask, region in zip(found, image.regions, strict=True):
            assert np.array_equal(mask.astype(np.bool_), region.mask)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_reference_leaves_holes_of_written_outlines_empty(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    holed = images()[0]
    writer = CocoWriter(tmp_path, labels=LABELS, polygons=True)
    writer.write(holed)
    writer.finish()
    reference = COCO(str(tmp_path / "annotations.json"))
    car = reference.annToMask(reference.loadAnns(reference.getAnnIds(imgIds=[1], catIds=[1]))[0])
    assert not car[38:46, 51:59].any()
    assert overlap(car.astype(np.bool_), holed.regions[1].mask) > 0.9


@pytest.mark.parametrize(
    "changed",
    [
        {"images": None},
        {"images": [{"id": 7}]},
        {"images": [7]},
        {"categories": [{"id": 3}]},
        {"annotations": [{"id": 1}]},
    ],
)
def test_an_incomplete_file_is_refused(tmp_path: Path, changed: dict[str, Any]) -> None:
    with pytest.raises(ConvertError, match="COCO"):
        opened(tmp_path, **changed)


@pytest.mark.parametrize(
    "image",
    [
        {"id": 7, "file_name": "a.jpg"},
        {"id": 7, "file_name": "a.jpg", "width": 0, "height": 4},
        {"id": 7, "file_name": "a.jpg", "width": 10**6, "height": 10**6},
        {"id": 7, "file_name": "a.jpg", "width": "6", "height": 4},
    ],
)
def test_sizes_that_are_none_are_refused_before_anything_is_allocated(
    tmp_path: Path, image: dict[str, Any]
) -> None:
    with pytest.raises(ConvertError, match="pixels"):
        opened(tmp_path, images=[image]).load("a")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: (
            st.lists(inner, max_size=8)
            | st.dictionaries(st.sampled_from(["size", "counts", "x"]), inner, max_size=3)
        ),
        max_leaves=20,
    )
)
def test_any_segmentation_is_read_or_refused(tmp_path: Path, segmentation: Any) -> None:
    annotation = {"id": 1, "image_id": 7, "category_id": 3, "segmentation": segmentation}
    try:
        image = opened(tmp_path, annotations=[annotation]).load("a/b")
    except ConvertError:
        return
    assert all(region.mask.shape == (4, 6) for region in image.regions)
