import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from label_studio_sdk.label_interface import LabelInterface
from numpy.typing import NDArray
from PIL import Image

from backend.images.source import ImageSource
from backend.interactive.answer import choose_target, combine, spread
from backend.interactive.context import PromptRegion, read_prompts, readable
from backend.label_studio.label_config import read_label_config
from backend.predictions import predict_tasks
from backend.regions.decoding import decode_region
from backend.regions.formats.brush import encode as encode_stroke
from backend.regions.registry import CONTROL_TAGS
from tests.backend.label_studio.configs import brush, view
from tests.embedded_model import local_file
from zegclip_core.feature_cache import FeatureCache
from zegclip_core.segmenter import Segmenter

KEYPOINTS = brush("cat", "cup", "table", name="kp", tag="KeyPointLabels", attributes='smart="true"')
CONFIG = view(brush("cat", "cup", "table"), KEYPOINTS)
CAT, CUP = local_file("chelsea.jpg"), local_file("coffee.jpg")
ON_THE_CUP, ON_THE_TABLE = (45.0, 45.0), (88.0, 50.0)

Mask = NDArray[np.bool_]
Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(segmenter: Segmenter, image_source: ImageSource) -> Ask:
    """Ask for one task's answer: `ask(region, …, image=…, config=…)`."""

    def run(
        *regions: Any,
        image: Any = CUP,
        config: str = CONFIG,
        features: FeatureCache | None = None,
        **context: Any,
    ) -> dict[str, Any]:
        (item,) = predict_tasks(
            [{"id": 1, "data": {"image": image}}],
            config,
            segmenter=segmenter,
            images=image_source,
            model_version="zegclip-mini@4",
            context={"result": list(regions), **context},
            features=features,
        )
        return item

    return run


def point(
    place: tuple[float, float], label: str | None = "cup", *, positive: bool = True, **more: Any
) -> Any:
    value = {"x": place[0], "y": place[1], "width": 0.3}
    if label is not None:
        value["keypointlabels"] = [label]
    region = {"type": "keypointlabels", "from_name": "kp", "to_name": "image", "is_positive": positive}
    return {**region, "id": f"{place}{label}", "value": value, **more}


def box(left: float, top: float, width: float, height: float, label: str = "cup") -> Any:
    value = {"x": left, "y": top, "width": width, "height": height, "rotation": 0, "rectanglelabels": [label]}
    return {"type": "rectanglelabels", "id": "box", "from_name": "rect", "to_name": "image", "value": value}


def masks(item: dict[str, Any]) -> dict[str, Mask]:
    """The pixels of every label of an answer."""
    found: dict[str, Mask] = {}
    for region in item["result"]:
        size = {"width": region["original_width"], "height": region["original_height"]}
        decoded = decode_region(region, **size)
        found[decoded.labels[0]] = found.get(decoded.labels[0], np.zeros_like(decoded.mask)) | decoded.mask
    return found


def at(mask: Mask, place: tuple[float, float]) -> bool:
    height, width = mask.shape
    return bool(mask[int(place[1] / 100 * height), int(place[0] / 100 * width)])


class TestPoints:
    def test_the_answer_is_a_region_of_the_brush_that_shares_the_label(self, ask: Ask) -> None:
        item = ask(point(ON_THE_CUP))
        (region,) = item["result"]
        assert (region["from_name"], region["type"]) == ("brush", "brushlabels")
        assert region["value"]["brushlabels"] == ["cup"]
        assert at(masks(item)["cup"], ON_THE_CUP)
        assert 0 < item["score"] <= 1
        assert LabelInterface(CONFIG).validate_prediction(item, return_errors=True) == []

    def test_the_prompts_label_decides_whatever_the_words_say(self, ask: Ask) -> None:
        found = masks(ask(point(ON_THE_CUP, "cat")))
        assert set(found) == {"cat"}
        assert at(found["cat"], ON_THE_CUP)

    def test_a_negative_one_takes_its_place_away(self, ask: Ask) -> None:
        before = masks(ask(point(ON_THE_CUP, "table")))["table"]
        after = masks(ask(point(ON_THE_CUP, "table"), point(ON_THE_TABLE, "table", positive=False)))["table"]
        assert at(after, ON_THE_CUP)
        assert not at(after, ON_THE_TABLE)
        assert after.sum() <= before.sum()

    def test_further_ones_add_to_the_mask(self, ask: Ask) -> None:
        both = masks(ask(point(ON_THE_CUP, "table"), point(ON_THE_TABLE, "table")))["table"]
        assert at(both, ON_THE_CUP)
        assert at(both, ON_THE_TABLE)

    def test_several_labels_at_once_share_no_pixel(self, ask: Ask) -> None:
        found = masks(ask(point(ON_THE_CUP, "cup"), point(ON_THE_TABLE, "table")))
        assert at(found["cup"], ON_THE_CUP)
        assert at(found["table"], ON_THE_TABLE)
        assert not (found["cup"] & found["table"]).any()

    def test_the_same_question_has_the_same_answer(self, ask: Ask) -> None:
        first, again = masks(ask(point(ON_THE_CUP))), masks(ask(point(ON_THE_CUP)))
        assert np.array_equal(first["cup"], again["cup"])


class TestOtherPrompts:
    def test_a_box_bounds_the_mask(self, ask: Ask) -> None:
        mask = masks(ask(box(20, 20, 50, 60)))["cup"]
        height, width = mask.shape
        rows, columns = np.nonzero(mask)
        assert columns.min() >= 0.19 * width
        assert columns.max() <= 0.71 * width
        assert rows.min() >= 0.19 * height
        assert rows.max() <= 0.81 * height
        assert at(mask, ON_THE_CUP)

    def test_a_point_outside_a_box_lifts_its_bounds(self, ask: Ask) -> None:
        mask = masks(ask(box(20, 20, 50, 60, "table"), point(ON_THE_TABLE, "table")))["table"]
        assert at(mask, ON_THE_TABLE)

    def test_a_stroke_shows_the_label_all_along(self, ask: Ask) -> None:
        drawn = masks(ask(point(ON_THE_CUP)))["cup"]
        height, width = drawn.shape
        line = np.zeros_like(drawn)
        line[int(0.44 * height) : int(0.46 * height) + 1, int(0.35 * width) : int(0.55 * width)] = True
        region = ask(point(ON_THE_CUP))["result"][0]
        stroke = {**region, "value": {**encode_stroke(line), "brushlabels": ["cup"]}}
        mask = masks(ask(stroke))["cup"]
        assert (mask & line).sum() > 0.9 * line.sum()


class TestNothingFound:
    @pytest.mark.parametrize(
        "regions",
        [
            [],
            [point(ON_THE_CUP, positive=False)],
            [point(ON_THE_CUP, "lion")],
            [{"type": "choices", "value": {"choices": ["cup"]}}],
            [point(ON_THE_CUP, to_name="another image")],
            [box(20, 20, 0, 0)],
            [point((float("nan"), 1.0))],
        ],
    )
    def test_the_answer_is_empty(self, ask: Ask, regions: list[Any]) -> None:
        item = ask(*regions)
        assert item["result"] == []
        assert "error" not in item

    def test_a_picture_that_cannot_be_had_tells_the_reason(self, ask: Ask) -> None:
        item = ask(point(ON_THE_CUP), image=local_file("broken.jpg"))
        assert (item["result"], item["error"]["kind"]) == ([], "permanent")


class TestNewerProtocol:
    def test_the_answer_is_a_bright_mask_with_the_label_that_the_words_see(self, ask: Ask) -> None:
        bare = {"type": "keypointlabels", "value": {"x": ON_THE_CUP[0], "y": ON_THE_CUP[1], "positive": True}}
        (region,) = ask(bare)["result"]
        assert region["value"]["bitmasklabels"] == ["cup"]
        prefix, _, data = region["value"]["imageDataURL"].partition(",")
        assert prefix == "data:image/png;base64"
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert picture.size == (region["original_width"], region["original_height"])
            pixels = np.asarray(picture.convert("RGBA"))
        bright = pixels[:, :, 0] > 127
        assert at(bright, ON_THE_CUP)
        assert np.array_equal(bright, pixels[:, :, 3] > 127)

    def test_getting_ready_encodes_the_image_and_answers_nothing(self, ask: Ask) -> None:
        features = FeatureCache(memory_bytes=10**8)
        assert ask(event="prewarm", features=features)["result"] == []
        assert features.counts.encoded == 1

    @pytest.mark.parametrize("event", ["release", "track", "track_progress", "track_cancel"])
    def test_other_events_answer_nothing(self, ask: Ask, event: str) -> None:
        assert ask(event=event)["result"] == []


class TestEncodingOnce:
    def test_clicks_labels_and_predictions_share_an_encoded_image(self, ask: Ask) -> None:
        features = FeatureCache(memory_bytes=10**8)
        for place in (ON_THE_CUP, ON_THE_TABLE):
            ask(point(place), features=features)
        ask(point(ON_THE_CUP, "spoon"), config=view(brush("spoon", "plate")), features=features)
        assert (features.counts.encoded, features.counts.memory) == (1, 2)


class TestLists:
    def test_the_item_pointed_at_is_painted(self, ask: Ask) -> None:
        config = view(brush("cat", "cup")).replace('value="$image"', 'valueList="$image"')
        item = ask(point(ON_THE_CUP, item_index=1, from_name="brush"), config=config, image=[CAT, CUP])
        assert [region["item_index"] for region in item["result"]] == [1]


def targets(*controls: str) -> Any:
    return read_label_config(view(*controls), control_tags=CONTROL_TAGS).targets


def prompt(from_name: str, *labels: str) -> PromptRegion:
    return PromptRegion({}, "point", labels, from_name, "image", None, True)


class TestChoiceOfTheControl:
    RECTANGLE = brush("Car", name="rect", tag="RectangleLabels")
    POLYGON = brush("Car", "Tree", name="poly", tag="PolygonLabels")
    BRUSH = brush("Car", name="seg")

    @pytest.mark.parametrize(
        ("controls", "asked", "chosen"),
        [
            ((RECTANGLE, POLYGON, BRUSH), prompt("rect", "Car"), "seg"),
            ((RECTANGLE, POLYGON, BRUSH), prompt("poly", "Car"), "poly"),
            ((RECTANGLE, POLYGON, BRUSH), prompt("seg", "Car"), "seg"),
            ((RECTANGLE, POLYGON, BRUSH), prompt("kp", "Tree"), "poly"),
            ((RECTANGLE, POLYGON), prompt("rect", "Car"), "poly"),
            ((RECTANGLE,), prompt("rect", "Car"), "rect"),
            ((RECTANGLE, POLYGON, BRUSH), prompt(""), "seg"),
            ((RECTANGLE, POLYGON, BRUSH), prompt("kp", "House"), None),
            ((), prompt("kp", "Car"), None),
        ],
    )
    def test_own_control_or_the_one_that_can_have_any_form(
        self, controls: tuple[str, ...], asked: PromptRegion, chosen: str | None
    ) -> None:
        found = choose_target(asked, targets(*controls) if controls else ())
        assert (found.from_name if found else None) == chosen


class TestCombining:
    def test_a_negative_outline_says_no_along_its_inside(self) -> None:
        region = {**box(50, 50, 50, 50), "is_positive": False}
        found = combine(list(readable(read_prompts({"result": [region]}), width=40, height=40)))
        assert found.limit is None
        assert len(found.positive) == 0
        assert (found.negative >= 0.5).all()

    def test_places_of_a_stroke_are_few_and_on_it(self) -> None:
        mask = np.random.default_rng(0).random((30, 50)) < 0.5
        found = spread(mask)
        assert 1 < len(found) <= 24
        assert mask[(found[:, 1] * 30).astype(int), (found[:, 0] * 50).astype(int)].all()
        assert spread(np.zeros((3, 3), np.bool_)).shape == (0, 2)


@pytest.mark.parametrize(
    "name",
    [
        "predict_interactive",
        "predict_interactive_keypoint_ui",
        "predict_interactive_ui_b",
        "predict_interactive_ui_c",
    ],
)
def test_recorded_requests_have_an_answer_that_label_studio_takes(
    ask: Ask, shared_dir: Path, name: str
) -> None:
    body = json.loads((shared_dir / "payloads" / f"{name}.json").read_text())["body"]
    prompts = body["params"]["context"]["result"]
    item = ask(*prompts, config=body["label_config"])
    assert {region["type"] for region in item["result"]} <= {"brushlabels"}
    assert {label for region in item["result"] for label in region["value"]["brushlabels"]} <= {"Car"}
    assert LabelInterface(body["label_config"]).validate_prediction(item, return_errors=True) == []
    positive = [region for region in prompts if region.get("is_positive", True)]
    if all(region["type"] == "keypointlabels" for region in prompts):
        mask = masks(item)["Car"]
        assert all(at(mask, (region["value"]["x"], region["value"]["y"])) for region in positive)
