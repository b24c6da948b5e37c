from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.interactive.context import MOST_PROMPTS, PromptRegion, is_warm_up, read_prompts, readable
from backend.regions.formats import brush

WIDTH, HEIGHT = 60, 40


def point(x: object = 50, y: object = 25, **more: Any) -> dict[str, Any]:
    region = {
        "original_width": WIDTH,
        "original_height": HEIGHT,
        "image_rotation": 0,
        "value": {"x": x, "y": y, "width": 0.23, "labels": ["Car"], "keypointlabels": ["Car"]},
        "is_positive": True,
        "id": "a",
        "from_name": "kp",
        "to_name": "image",
        "type": "keypointlabels",
        "origin": "manual",
    }
    return {**region, **more}


def rectangle(**more: Any) -> dict[str, Any]:
    value = {"x": 50, "y": 0, "width": 50, "height": 50, "rotation": 0, "rectanglelabels": ["Car"]}
    return point(type="rectanglelabels", id="r", from_name="rect", value=value, **more)


def stroke(**more: Any) -> dict[str, Any]:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[10:20, 30:50] = True
    value = {**brush.encode(mask), "brushlabels": ["Car"]}
    return point(type="brushlabels", id="b", from_name="brush", value=value, **more)


def read(*regions: object) -> tuple[PromptRegion, ...]:
    return read_prompts({"result": list(regions)})


class TestClassicProtocol:
    def test_a_point(self) -> None:
        (prompt,) = read(point())
        assert (prompt.kind, prompt.labels, prompt.is_positive) == ("point", ("Car",), True)
        assert (prompt.from_name, prompt.to_name, prompt.item_index) == ("kp", "image", None)
        assert prompt.point() == (0.5, 0.25)

    def test_a_point_with_the_negative_key_held(self) -> None:
        assert [prompt.is_positive for prompt in read(point(), point(id="b", is_positive=False))] == [
            True,
            False,
        ]

    def test_a_point_that_does_not_tell_is_positive(self) -> None:
        region = point()
        del region["is_positive"]
        assert read(region)[0].is_positive

    def test_a_box_a_stroke_and_an_outline(self) -> None:
        outline = point(
            type="polygonlabels", value={"points": [[0, 0], [50, 0], [0, 50]], "polygonlabels": ["Car"]}
        )
        kinds = {prompt.kind: prompt for prompt in read(rectangle(), stroke())}
        box = kinds["outline"].mask(width=WIDTH, height=HEIGHT)
        assert box[: HEIGHT // 2, WIDTH // 2 :].mean() > 0.9
        assert not box[HEIGHT // 2 + 2 :].any()
        assert kinds["stroke"].mask(width=WIDTH, height=HEIGHT).sum() == 200
        assert [prompt.kind for prompt in read(outline)] == ["outline"]

    def test_the_halves_of_a_split_region_are_one_prompt(self) -> None:
        bare = point(type="keypoint", value={"x": 10, "y": 20, "width": 1}, id="k")
        named = point(type="labels", value={"x": 10, "y": 20, "width": 1, "labels": ["Cat"]}, id="k")
        geometry = {"x": 0, "y": 0, "width": 10, "height": 10, "rotation": 0}
        box = point(type="rectangle", id="q", from_name="rect", value=geometry)
        box_labels = point(type="labels", id="q", from_name="labels", value={**geometry, "labels": ["Dog"]})
        prompts = read(bare, named, box, box_labels)
        assert [(prompt.kind, prompt.labels) for prompt in prompts] == [
            ("point", ("Cat",)),
            ("outline", ("Dog",)),
        ]

    def test_the_image_of_a_list(self) -> None:
        assert read(point(item_index=2))[0].item_index == 2


class TestNewerProtocol:
    def test_points_without_names_labels_and_sizes(self) -> None:
        yes, no = read(
            {"type": "keypointlabels", "value": {"x": 10, "y": 20, "positive": True}},
            {"type": "keypointlabels", "value": {"x": 30, "y": 40, "positive": False}},
        )
        assert (yes.point(), yes.is_positive, yes.labels, yes.from_name) == ((0.1, 0.2), True, (), "")
        assert (no.point(), no.is_positive) == ((0.3, 0.4), False)

    def test_a_box_without_names_labels_and_sizes(self) -> None:
        (box,) = read({"type": "rectanglelabels", "value": {"x": 0, "y": 0, "width": 50, "height": 100}})
        assert box.mask(width=WIDTH, height=HEIGHT)[:, : WIDTH // 2].all()

    def test_events(self) -> None:
        assert is_warm_up({"event": "prewarm", "result": []})
        for event in ("release", "track", "track_progress", "track_cancel", None, 7):
            assert not is_warm_up({"event": event, "result": []})
        assert not is_warm_up({})


@pytest.mark.parametrize(
    "context", [None, {}, {"result": None}, {"result": {}}, {"result": []}, {"result": "x"}]
)
def test_nothing_pointed_at(context: Any) -> None:
    assert read_prompts(context) == ()


@pytest.mark.parametrize(
    "region",
    [
        None,
        7,
        "text",
        [],
        {},
        {"type": "keypointlabels"},
        {"type": "keypointlabels", "value": None},
        {"type": "choices", "value": {"choices": ["a"]}},
        {"type": "relation", "from_id": "a", "to_id": "b"},
        {"type": "textarea", "value": {"text": ["red car"]}},
        {"type": 7, "value": {"x": 1}},
    ],
)
def test_what_is_no_prompt_is_left_out(region: object) -> None:
    assert [prompt.kind for prompt in read(region, rectangle())] == ["outline"]


@pytest.mark.parametrize(
    "region",
    [
        point(x="left"),
        point(y=None),
        point(x=float("nan")),
        point(x=1e9),
        {"type": "keypointlabels", "value": {"labels": ["Car"]}},
        stroke(original_width=61),
        {**stroke(), "value": {"format": "rle", "rle": [1, 2, 3], "brushlabels": ["Car"]}},
        {**rectangle(), "value": {"x": 0, "y": 0, "width": "wide", "height": 1, "rectanglelabels": ["Car"]}},
    ],
)
def test_prompts_that_cannot_be_read_are_left_out(region: dict[str, Any]) -> None:
    found = list(readable(read(region, point(id="good")), width=WIDTH, height=HEIGHT))
    assert [prompt.region["id"] for prompt, _ in found] == ["good"]


def test_a_request_with_absurdly_many_prompts_is_cut() -> None:
    assert len(read(*[point(id=str(number)) for number in range(2 * MOST_PROMPTS)])) == MOST_PROMPTS


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    ["x", "y", "width", "height", "points", "rle", "labels", "keypointlabels", "positive"]
)
kinds = st.sampled_from(["keypointlabels", "rectanglelabels", "brushlabels", "polygonlabels", "labels", ""])


@given(
    st.lists(
        st.fixed_dictionaries(
            {"type": kinds, "value": st.dictionaries(fields, json_values, max_size=5)},
            optional={"is_positive": json_values, "item_index": json_values, "from_name": json_values},
        ),
        max_size=4,
    )
)
def test_no_context_whatever_raises(result: list[Any]) -> None:
    list(readable(read(*result), width=WIDTH, height=HEIGHT))
