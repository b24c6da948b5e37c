import numpy as np
import pytest

from backend.regions.errors import RegionError
from backend.regions.formats import rectangle


def test_the_smallest_rectangle_around_a_mask() -> None:
    mask = np.zeros((50, 100), np.bool_)
    mask[10, 20], mask[29, 59] = True, True
    value = rectangle.encode(mask)
    assert value == {"x": 20, "y": 20, "width": 40, "height": 40, "rotation": 0}
    back = rectangle.decode(value, width=100, height=50)
    assert back[10:30, 20:60].all()
    assert back.sum() == 20 * 40


def test_it_turns_clockwise_about_the_upper_left_corner() -> None:
    value = {"x": 50, "y": 20, "width": 40, "height": 10, "rotation": 90}
    back = rectangle.decode(value, width=100, height=100)
    assert back[20:60, 40:50].all()
    assert back.sum() == 40 * 10


def test_it_is_cut_off_at_the_edges_of_the_image() -> None:
    back = rectangle.decode({"x": 90, "y": -10, "width": 30, "height": 30}, width=20, height=10)
    assert np.argwhere(back).tolist() == [[0, 18], [0, 19], [1, 18], [1, 19]]


@pytest.mark.parametrize("field", ["x", "y", "width", "height", "rotation"])
@pytest.mark.parametrize("wrong", [None, "10", True, float("nan"), float("inf"), 1e9, [1]])
def test_fields_that_are_no_percentages_are_refused(field: str, wrong: object) -> None:
    value = {"x": 1, "y": 1, "width": 1, "height": 1, "rotation": 0, field: wrong}
    with pytest.raises(RegionError, match=field):
        rectangle.decode(value, width=10, height=10)
