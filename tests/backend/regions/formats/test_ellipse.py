import numpy as np
import pytest

from backend.regions.errors import RegionError
from backend.regions.formats import ellipse
from tests.backend.regions.masks import disk, overlap


@pytest.mark.parametrize("rotation", [0, 20, 90, 135])
def test_a_turned_ellipse_is_found_again(rotation: float) -> None:
    drawn = {"x": 50, "y": 45, "radiusX": 30, "radiusY": 15, "rotation": rotation}
    mask = ellipse.decode(drawn, width=200, height=160)
    assert overlap(ellipse.decode(ellipse.encode(mask), width=200, height=160), mask) > 0.99


def test_radii_are_percent_of_their_own_side() -> None:
    value = {"x": 50, "y": 50, "radiusX": 20, "radiusY": 40, "rotation": 0}
    assert overlap(
        ellipse.decode(value, width=200, height=100), disk(100, 200, x=100, y=50, radius=40)
    ) == pytest.approx(1)


def test_rotation_is_clockwise() -> None:
    back = ellipse.decode(
        {"x": 50, "y": 50, "radiusX": 40, "radiusY": 5, "rotation": 45}, width=100, height=100
    )
    assert back[70, 70]
    assert not back[30, 70]


def test_an_ellipse_never_exceeds_the_largest_radius_that_label_studio_takes() -> None:
    value = ellipse.encode(np.ones((10, 400), np.bool_))
    assert value["radiusX"] <= 50
    assert value["radiusY"] <= 50


@pytest.mark.parametrize("field", ["x", "y", "radiusX", "radiusY"])
@pytest.mark.parametrize("wrong", [None, "10", float("nan"), -1e9])
def test_fields_that_are_no_percentages_are_refused(field: str, wrong: object) -> None:
    with pytest.raises(RegionError, match=field):
        ellipse.decode({"x": 1, "y": 1, "radiusX": 1, "radiusY": 1, field: wrong}, width=10, height=10)


def test_an_ellipse_without_extent_is_refused() -> None:
    with pytest.raises(RegionError, match="radii"):
        ellipse.decode({"x": 1, "y": 1, "radiusX": 0, "radiusY": 1}, width=10, height=10)
