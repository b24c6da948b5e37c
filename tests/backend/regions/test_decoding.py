from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.regions.decoding import (
    decode_region,
    geometry_of,
    label_map_from_result,
    labels_of,
    merge_split_regions,
)
from backend.regions.errors import RegionError
from backend.regions.formats import bitmask, brush, ellipse, polygon, rectangle
from tests.backend.regions.masks import Mask, disk, overlap

HEIGHT, WIDTH = 60, 90
DISK = disk(HEIGHT, WIDTH, x=45, y=30, radius=20)
ENCODERS: dict[str, Callable[[Mask], dict[str, Any]]] = {
    "brush": brush.encode,
    "magicwand": brush.encode,
    "bitmask": bitmask.encode,
    "polygon": lambda mask: next(polygon.encode(mask)),
    "rectangle": rectangle.encode,
    "ellipse": ellipse.encode,
}
LEAST_OVERLAP = {"rectangle": 0.75}


def region(geometry: str, *labels: str, mask: Mask = DISK, **more: Any) -> dict[str, Any]:
    height, width = mask.shape
    kind = f"{geometry}labels"
    return {
        "id": "r1",
        "from_name": "label",
        "to_name": "image",
        "type": kind,
        "original_width": width,
        "original_height": height,
        "value": {**ENCODERS[geometry](mask), kind: list(labels)},
        **more,
    }


@pytest.mark.parametrize("geometry", ENCODERS)
def test_every_geometry_becomes_a_mask_with_its_labels(geometry: str) -> None:
    decoded = decode_region(region(geometry, "Car", "Red"), width=WIDTH, height=HEIGHT)
    assert decoded.labels == ("Car", "Red")
    assert decoded.geometry == geometry
    assert decoded.mask.shape == (HEIGHT, WIDTH)
    assert overlap(decoded.mask, DISK) > LEAST_OVERLAP.get(geometry, 0.95)


@pytest.mark.parametrize("geometry", ENCODERS)
def test_the_labels_half_of_a_split_region_tells_its_geometry_by_its_fields(geometry: str) -> None:
    value = {**ENCODERS[geometry](DISK), "labels": ["Car"]}
    decoded = decode_region({"type": "labels", "value": value}, width=WIDTH, height=HEIGHT)
    assert decoded.labels == ("Car",)
    assert overlap(decoded.mask, DISK) > LEAST_OVERLAP.get(geometry, 0.95)


@pytest.mark.parametrize("geometry", ["brush", "bitmask"])
def test_pixels_made_at_another_size_are_scaled_and_told(geometry: str) -> None:
    decoded = decode_region(region(geometry, "Car"), width=2 * WIDTH, height=2 * HEIGHT)
    assert decoded.resized
    assert np.array_equal(decoded.mask, DISK.repeat(2, axis=0).repeat(2, axis=1))


def test_percentages_fit_any_size() -> None:
    decoded = decode_region(region("rectangle", "Car"), width=2 * WIDTH, height=2 * HEIGHT)
    assert not decoded.resized
    assert decoded.mask.shape == (2 * HEIGHT, 2 * WIDTH)


def test_missing_sizes_mean_the_images() -> None:
    bare = region("brush", "Car")
    del bare["original_width"], bare["original_height"]
    assert np.array_equal(decode_region(bare, width=WIDTH, height=HEIGHT).mask, DISK)


@pytest.mark.parametrize("size", [-1, 0, "90", True, 2.5, 10**9])
def test_absurd_sizes_are_refused(size: object) -> None:
    with pytest.raises(RegionError):
        decode_region(region("brush", "Car", original_width=size), width=WIDTH, height=HEIGHT)


@pytest.mark.parametrize("kind", ["choices", "relation", "keypointlabels", "textarea", "", None, 5])
def test_results_without_pixels_are_refused(kind: object) -> None:
    with pytest.raises(RegionError, match="no pixels"):
        decode_region({"type": kind, "value": {}}, width=WIDTH, height=HEIGHT)


GEOMETRY_HALF = {"id": "a", "type": "brush", "value": brush.encode(DISK)}
LABELS_HALF = {"id": "a", "type": "labels", "value": {**brush.encode(DISK), "labels": ["Car"]}}
NUMBERS = {"Car": 1, "Road": 2}


class TestSplitRegions:
    @pytest.mark.parametrize("halves", [(GEOMETRY_HALF, LABELS_HALF), (LABELS_HALF, GEOMETRY_HALF)])
    def test_two_halves_are_one_region(self, halves: tuple[dict[str, Any], ...]) -> None:
        merged = list(merge_split_regions(halves))
        assert [labels_of(region) for region in merged] == [("Car",)]
        assert geometry_of(merged[0]) == "brush"

    def test_labels_may_come_without_geometry(self) -> None:
        bare = {**LABELS_HALF, "value": {"labels": ["Car"]}}
        assert [labels_of(region) for region in merge_split_regions([GEOMETRY_HALF, bare])] == [("Car",)]

    def test_the_labels_half_alone_is_a_region(self) -> None:
        assert [labels_of(region) for region in merge_split_regions([LABELS_HALF])] == [("Car",)]

    def test_what_has_no_pixels_is_left_out(self) -> None:
        others = [{"type": "relation"}, {"id": "a", "type": "choices", "value": {"choices": ["x"]}}, None, 7]
        assert [item["id"] for item in merge_split_regions([*others, GEOMETRY_HALF, LABELS_HALF])] == ["a"]


class TestLabelMap:
    def test_later_regions_win_in_the_order_of_the_list(self) -> None:
        everything = np.ones_like(DISK)
        road = region("bitmask", "Road", mask=everything)
        car = region("brush", "Car")
        painted = label_map_from_result([road, car], numbers=NUMBERS, width=WIDTH, height=HEIGHT)
        assert np.array_equal(painted.label_map, np.where(DISK, 1, 2))
        assert (painted.regions, painted.problems) == (2, ())
        turned = label_map_from_result([car, road], numbers=NUMBERS, width=WIDTH, height=HEIGHT)
        assert (turned.label_map == 2).all()

    def test_what_is_unknown_or_damaged_is_told_and_the_rest_painted(self) -> None:
        broken = region("brush", "Car")
        broken["value"] = {"rle": [1, 2, 3], "brushlabels": ["Car"]}
        result = [region("brush", "Tree"), region("brush"), broken, region("brush", "Road")]
        painted = label_map_from_result(result, numbers=NUMBERS, width=WIDTH, height=HEIGHT)
        assert np.array_equal(painted.label_map, np.where(DISK, 2, 0))
        assert painted.regions == 1
        assert len(painted.problems) == 3
        assert "'Tree'" in painted.problems[0]

    def test_scaled_regions_are_told(self) -> None:
        painted = label_map_from_result([region("brush", "Car")], numbers=NUMBERS, width=30, height=20)
        assert "scaled" in painted.problems[0]

    def test_only_regions_of_one_image_are_painted(self) -> None:
        result = [
            region("brush", "Car", to_name="left", item_index=0),
            region("brush", "Road", to_name="right", item_index=1),
        ]

        def found(**only: Any) -> list[int]:
            painted = label_map_from_result(result, numbers=NUMBERS, width=WIDTH, height=HEIGHT, **only)
            return [int(number) for number in np.unique(painted.label_map) if number]

        assert found(to_name="left") == [1]
        assert found(to_name="right") == [2]
        assert found(item_index=1) == [2]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
FIELDS = ["rle", "imageDataURL", "points", "x", "y", "width", "height", "radiusX", "radiusY", "rotation"]
KINDS = [f"{geometry}{form}" for geometry in ENCODERS for form in ("", "labels")]


@given(
    st.lists(
        JSON
        | st.fixed_dictionaries(
            {
                "type": st.sampled_from([*KINDS, "labels"]),
                "value": st.dictionaries(st.sampled_from([*FIELDS, *KINDS, "labels"]), JSON) | JSON,
            },
            optional={"original_width": JSON, "original_height": JSON, "id": JSON, "item_index": JSON},
        ),
        max_size=3,
    )
)
def test_no_result_whatever_it_holds_breaks_the_painting(result: list[Any]) -> None:
    painted = label_map_from_result(result, numbers={"Car": 1}, width=7, height=5)
    assert painted.label_map.shape == (5, 7)
