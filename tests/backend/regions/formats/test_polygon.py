from collections.abc import Iterable

import cv2
import numpy as np
import pytest

from backend.regions.errors import RegionError
from backend.regions.formats import polygon
from tests.backend.regions.masks import Mask, blobs, overlap, ring


def decoded(values: Iterable[dict[str, object]], mask: Mask) -> Mask:
    height, width = mask.shape
    union = np.zeros_like(mask)
    for value in values:
        union |= polygon.decode(value, width=width, height=height)
    return union


@pytest.mark.parametrize("seed", range(12))
def test_without_tolerance_a_mask_with_holes_and_islands_comes_back_pixel_by_pixel(seed: int) -> None:
    height, width = np.random.default_rng(seed).integers(3, 90, 2)
    mask = blobs(seed, height=int(height), width=int(width), smoothness=0.6 + seed / 3)
    values = list(polygon.encode(mask, tolerance=0))
    assert np.array_equal(decoded(values, mask), mask)
    assert max(len(value["points"]) for value in values) <= polygon.MOST_POINTS


def test_a_hole_is_joined_by_a_bridge_and_stays_empty() -> None:
    mask = ring()
    values = list(polygon.encode(mask))
    assert len(values) == 1
    back = decoded(values, mask)
    assert not back[42, 55]
    assert overlap(back, mask) > 0.95


def test_every_outline_stays_within_the_tolerance() -> None:
    mask = ring(200, 300)
    for tolerance in (0.5, 1.5, 3.0):
        back = decoded(polygon.encode(mask, tolerance=tolerance), mask)
        inside = cv2.distanceTransform(np.pad(mask, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
        outside = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)
        wrong = back != mask
        assert np.maximum(inside, outside)[wrong].max(initial=0) <= tolerance + 1


def test_a_shape_with_too_many_points_is_cut_and_no_hole_is_filled() -> None:
    mask = np.ones((64, 64), np.bool_)
    mask[4::8, 4::8] = False
    values = list(polygon.encode(mask))
    assert len(values) > 1
    assert max(len(value["points"]) for value in values) <= polygon.MOST_POINTS
    assert np.array_equal(decoded(values, mask), mask)


def test_parts_are_separate_polygons() -> None:
    mask = np.zeros((20, 30), np.bool_)
    mask[2:8, 2:9] = mask[10:18, 15:28] = True
    assert len(list(polygon.encode(mask))) == 2


def test_a_single_pixel_is_a_polygon() -> None:
    mask = np.zeros((5, 5), np.bool_)
    mask[2, 3] = True
    assert np.array_equal(decoded(polygon.encode(mask), mask), mask)


def test_percentages_stay_inside_the_image() -> None:
    points = np.array(next(polygon.encode(np.ones((7, 9), np.bool_)))["points"])
    assert points.min() >= 0
    assert points.max() <= 100


@pytest.mark.parametrize(
    "points",
    [
        None,
        [],
        [[0, 0], [1, 1]],
        [[0, 0], [1, 1], [2]],
        [[0, 0], [1, 1], "ab"],
        [[0, 0], [1, 1], [float("nan"), 2]],
        [[0, 0], [1, 1], [float("inf"), 2]],
        [[0, 0], [1, 1], [1e300, 2]],
        [[0, 0], [1, 1], [True, 2]],
        [[0, 0]] * 20_000,
    ],
    ids=lambda points: str(points)[:30],
)
def test_what_is_no_polygon_is_refused(points: object) -> None:
    with pytest.raises(RegionError):
        polygon.decode({"points": points}, width=10, height=10)


def test_a_polygon_beyond_the_image_is_cut_off_at_its_edges() -> None:
    value = {"points": [[-50, -50], [150, -50], [150, 150], [-50, 150]]}
    assert polygon.decode(value, width=6, height=4).all()


def test_the_direction_of_an_outline_does_not_matter() -> None:
    points = [[10, 10], [90, 20], [50, 90]]
    one = polygon.decode({"points": points}, width=40, height=30)
    assert np.array_equal(one, polygon.decode({"points": points[::-1]}, width=40, height=30))
    assert one.sum() == pytest.approx(0.305 * 40 * 30, rel=0.05)


def test_an_empty_mask_has_no_polygon() -> None:
    assert list(polygon.encode(np.zeros((5, 7), np.bool_))) == []
