from typing import Any

import numpy as np
import pytest

from backend.label_studio.control_options import ControlOptions
from backend.label_studio.label_config import Target
from backend.regions.shapes import Shape, shapes
from tests.backend.regions.segmentations import CAR, HEIGHT, ROAD, SKY, WIDTH, label_map, segmentation
from zegclip_core.labels import Label

LABELS = (Label("Car", ("car",)), Label("Road", ("road",)), Label("Sky", ("sky",)))


def found(output: Any = "class", labels: tuple[Label, ...] = LABELS, **options: Any) -> list[Shape]:
    target = Target("label", "image", "brushlabels", "image", labels, ControlOptions(**options))
    return shapes(target, segmentation(), output=output)


def test_one_shape_for_each_class_the_largest_first() -> None:
    assert [shape.label for shape in found()] == ["Road", "Sky", "Car"]
    for shape, number in zip(found(), (ROAD, SKY, CAR), strict=True):
        assert np.array_equal(shape.mask, label_map() == number)
        assert shape.area == shape.mask.sum()


def test_one_shape_for_each_component() -> None:
    cars = [shape for shape in found("component") if shape.label == "Car"]
    assert len(cars) == 2
    assert np.array_equal(cars[0].mask | cars[1].mask, label_map() == CAR)
    assert cars[0].area > cars[1].area


def test_scores_are_the_mean_confidence_inside() -> None:
    by_label = {shape.label: shape.score for shape in found()}
    inside = label_map() == CAR
    confidence = segmentation().confidence
    assert by_label["Car"] == pytest.approx(float(confidence[inside].mean()))


def test_uncertain_shapes_are_left_out() -> None:
    assert [shape.label for shape in found("component", score_threshold=0.8)] == ["Car", "Road"]


@pytest.mark.parametrize("smallest", [400, 400 / (HEIGHT * WIDTH)])
def test_small_shapes_are_left_out_by_pixels_or_by_share(smallest: float) -> None:
    areas = [shape.area for shape in found("component", min_area=smallest)]
    assert areas
    assert min(areas) >= 400
    assert len(areas) < len(found("component"))


def test_only_the_largest_are_kept() -> None:
    assert len(found("component", max_regions=2)) == 2


def test_background_is_no_shape() -> None:
    labels = (LABELS[0], Label("Road", ("road",), is_background=True), LABELS[2])
    assert [shape.label for shape in found(labels=labels)] == ["Sky", "Car"]
