"""Tasks to predictions with the embedded model and real photographs."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from label_studio_sdk.label_interface import LabelInterface

from backend.images.source import ImageSource
from backend.label_studio.origin import LabelStudioOrigin
from backend.predict_requests import PASSING
from backend.predictions import PERMANENT, predict_tasks
from tests.backend.label_studio.configs import brush, view
from tests.embedded_model import NOBODY, local_file
from tests.http_server import Answer, Asked, LocalServer
from zegclip_core.feature_cache import FeatureCache
from zegclip_core.segmenter import Segmenter

CONFIG = view(brush("cat", "cup", "table"))
VERSION = "zegclip-mini@4"
CAT, CUP = local_file("chelsea.jpg"), local_file("coffee.jpg")

Predict = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def predict(segmenter: Segmenter, image_source: ImageSource) -> Predict:
    """Predict tasks given by their data: `predict({"image": …}, …, config=…)`."""

    def run(
        *data: Any, config: str = CONFIG, images: ImageSource = image_source, **more: Any
    ) -> list[dict[str, Any]]:
        tasks = [{"id": number, "data": one} for number, one in enumerate(data, start=1)]
        return predict_tasks(tasks, config, segmenter=segmenter, images=images, model_version=VERSION, **more)

    return run


def labels(item: dict[str, Any]) -> list[str]:
    return [name for region in item["result"] for name in region["value"].get(region["type"], ())]


def test_every_task_has_its_prediction_in_order(predict: Predict) -> None:
    cat, cup = predict({"image": CAT}, {"image": CUP})
    assert labels(cat) == ["cat"]
    assert "cup" in labels(cup)
    for item in (cat, cup):
        assert item["model_version"] == VERSION
        assert 0 < item["score"] <= 1
        assert LabelInterface(CONFIG).validate_prediction(item, return_errors=True) == []


def test_ids_are_unique_over_all_tasks(predict: Predict) -> None:
    items = predict({"image": CUP}, {"image": CUP})
    ids = [region["id"] for item in items for region in item["result"]]
    assert len(set(ids)) == len(ids) >= 2


def test_the_next_image_is_fetched_while_one_is_painted(
    predict: Predict, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch, photo_folder: Path
) -> None:
    asked_for_second = threading.Event()
    content = (photo_folder / "chelsea.jpg").read_bytes()

    def second(_: Asked) -> Answer:
        asked_for_second.set()
        return Answer(content)

    encode = segmenter.encode

    def encode_when_second_is_under_way(image: Any) -> Any:
        assert asked_for_second.wait(60.0)
        return encode(image)

    monkeypatch.setattr(segmenter, "encode", encode_when_second_is_under_way)
    with LocalServer() as server:
        server.routes = {"/data/a.jpg": Answer(content), "/data/b.jpg": second}
        source = ImageSource(
            label_studio=LabelStudioOrigin(url=server.url, api_key=None),
            cache_dir=photo_folder / "none",
            cache_bytes=0,
            max_bytes=10_000_000,
            max_pixels=10_000_000,
        )
        items = predict({"image": "/data/a.jpg"}, {"image": "/data/b.jpg"}, images=source)
    assert [labels(item) for item in items] == [["cat"], ["cat"]]
    assert len(server.asked) == 2


def test_it_stops_between_two_tasks_when_told_so_but_never_before_the_first(predict: Predict) -> None:
    answers = iter([False, True])
    items = predict({"image": CAT}, {"image": CUP}, {"image": CAT}, stop=lambda: next(answers))
    assert [bool(item["result"]) for item in items] == [True, True]
    assert len(predict({"image": CAT}, {"image": CUP}, stop=lambda: True)) == 1
    assert len(predict({"image": CAT}, stop=lambda: True)) == 1


class TestTogether:
    """All images of a job in one batch, as on a GPU."""

    def test_the_masks_are_those_of_one_task_after_the_other(
        self, predict: Predict, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tasks = [{"image": CAT}, {"image": local_file("broken.jpg")}, {}, {"image": CUP}]
        alone = predict(*tasks)
        batches = []
        encode_prepared = segmenter.encode_prepared

        def count(prepared: Any, **options: Any) -> Any:
            batches.append(len(prepared))
            return encode_prepared(prepared, **options)

        monkeypatch.setattr(segmenter, "encode_prepared", count)
        together = predict(*tasks, together=True)
        assert batches == [2]
        assert [labels(item) for item in together] == [labels(item) for item in alone]
        assert [item.get("error") for item in together] == [item.get("error") for item in alone]
        assert [item["score"] for item in together] == pytest.approx(
            [item["score"] for item in alone], abs=1e-3
        )

    def test_what_was_encoded_before_is_not_encoded_again(
        self, predict: Predict, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        features = FeatureCache(memory_bytes=10**8)
        first = predict({"image": CAT}, features=features)
        monkeypatch.setattr(segmenter.head, "encode", None)
        again = predict({"image": CAT}, {"image": CAT}, features=features, together=True)
        assert [labels(item) for item in again] == [labels(first[0])] * 2

    def test_a_batch_that_fails_is_painted_one_by_one(
        self, predict: Predict, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        encode_prepared = segmenter.encode_prepared

        def too_small(prepared: Any, *, batch_size: int) -> Any:
            if len(prepared) > 1:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return encode_prepared(prepared, batch_size=batch_size)

        monkeypatch.setattr(segmenter, "encode_prepared", too_small)
        items = predict({"image": CAT}, {"image": CUP}, together=True)
        assert all(labels(item) for item in items)


class TestIsolation:
    def test_a_broken_picture_fails_alone_and_for_good(self, predict: Predict) -> None:
        good, broken, after = predict({"image": CAT}, {"image": local_file("broken.jpg")}, {"image": CAT})
        assert labels(good) == labels(after) == ["cat"]
        assert broken["result"] == []
        assert broken["error"]["kind"] == PERMANENT
        assert broken["model_version"] == VERSION

    def test_a_server_that_does_not_answer_is_asked_again_later(self, predict: Predict) -> None:
        unreachable, good = predict({"image": f"{NOBODY}/a.jpg"}, {"image": CAT})
        assert "result" not in unreachable
        assert unreachable["error"]["kind"] == PASSING
        assert labels(good) == ["cat"]

    @pytest.mark.parametrize(
        "data",
        [None, 7, "text", [], {}, {"image": None}, {"image": ["a"]}, {"image": {}}, {"a": 1, "b": "x"}],
    )
    def test_data_without_an_image_fails_alone(self, predict: Predict, data: Any) -> None:
        broken, good = predict(data, {"image": CAT})
        assert (broken["result"], broken["error"]["kind"]) == ([], PERMANENT)
        assert labels(good) == ["cat"]

    def test_a_configuration_that_cannot_be_painted_fails_every_task_with_the_reason(
        self, predict: Predict
    ) -> None:
        config = (
            '<View><Video name="v" value="$v"/><Labels name="l" toName="v"><Label value="a"/></Labels></View>'
        )
        items = predict({"v": "a.mp4"}, {"v": "b.mp4"}, config=config)
        assert [item["result"] for item in items] == [[], []]
        assert "<Video> cannot be painted" in items[0]["error"]["message"]

    def test_broken_xml_fails_every_task_with_the_reason(self, predict: Predict) -> None:
        (item,) = predict({"image": CAT}, config="<View>")
        assert "XML" in item["error"]["message"]

    def test_no_task_has_no_prediction(self, predict: Predict) -> None:
        assert predict() == []


class TestSeveralImagesAndControls:
    def test_every_image_of_a_list_has_its_index(self, predict: Predict) -> None:
        config = CONFIG.replace('value="$image"', 'valueList="$pages"', 1)
        (item,) = predict({"pages": [CUP, CAT]}, config=config)
        found = {(region["item_index"], region["value"]["brushlabels"][0]) for region in item["result"]}
        assert (1, "cat") in found
        assert (0, "cup") in found
        assert LabelInterface(config).validate_prediction(item, return_errors=True) == []

    def test_images_side_by_side(self, predict: Predict) -> None:
        config = (
            '<View><Image name="left" value="$l"/><Image name="right" value="$r"/>'
            + brush("cat", "cup").replace('"image"', '"left,right"')
            + "</View>"
        )
        (item,) = predict({"l": CAT, "r": CUP}, config=config)
        assert {region["to_name"] for region in item["result"]} == {"left", "right"}
        assert LabelInterface(config).validate_prediction(item, return_errors=True) == []

    def test_several_controls_each_have_their_results(self, predict: Predict) -> None:
        choices = '<Choices name="c" toName="image"><Choice value="indoors"/><Choice value="cat"/></Choices>'
        config = view(brush("cat"), brush("cat", tag="PolygonLabels", name="poly"), choices)
        (item,) = predict({"image": CAT}, config=config)
        assert {region["type"] for region in item["result"]} == {"brushlabels", "polygonlabels", "choices"}
        assert LabelInterface(config).validate_prediction(item, return_errors=True) == []


class TestLabelsOfTasks:
    config = view(brush(attributes='value="$labels"'))

    def test_each_task_is_painted_with_its_own(self, predict: Predict) -> None:
        cat, cup, none = predict(
            {"image": CAT, "labels": [{"value": "kitten", "prompt": "cat"}]},
            {"image": CUP, "labels": ["cup"]},
            {"image": CUP},
            config=self.config,
        )
        assert set(labels(cat)) == {"kitten"}
        assert set(labels(cup)) == {"cup"}
        assert "'labels'" in none["error"]["message"]


class TestFreeText:
    config = view(brush("animal", "furniture"), '<TextArea name="prompt" toName="image" value="$words"/>')

    def test_a_phrase_of_an_interactive_request_is_painted_alone(self, predict: Predict) -> None:
        context = {"result": [{"type": "textarea", "value": {"text": ["cat"]}}]}
        (item,) = predict({"image": CAT}, config=self.config, context=context)
        assert [region["meta"] for region in item["result"]] == [{"text": ["cat"]}]
        assert LabelInterface(self.config).validate_prediction(item, return_errors=True) == []

    def test_a_phrase_of_the_task_is_painted_beside_the_labels(self, predict: Predict) -> None:
        config = self.config.replace("animal", "cat")
        (item,) = predict({"image": CAT, "words": "fluffy cat"}, config=config)
        named = [region for region in item["result"] if "meta" in region]
        assert [region["value"]["brushlabels"] for region in named] == [["cat"]]
        assert len(item["result"]) > len(named)


class TestAnyLabelSet:
    @pytest.mark.slow
    def test_five_hundred_labels(self, predict: Predict) -> None:
        config = view(brush("cat", *(f"thing number {number}" for number in range(499))))
        (item,) = predict({"image": CAT}, config=config)
        assert LabelInterface(config).validate_prediction(item, return_errors=True) == []

    @pytest.mark.parametrize("name", ["🐈", 'the "big" cat', "a, b", "<cat> & co", "猫", "c" * 400])
    def test_names_of_any_kind(self, predict: Predict, name: str) -> None:
        config = view(brush(name, "table"))
        (item,) = predict({"image": CAT}, config=config)
        assert "error" not in item
        assert LabelInterface(config).validate_prediction(item, return_errors=True) == []

    def test_a_project_s_wrong_settings_fail_nothing(self, predict: Predict) -> None:
        for wrong in ({"model_min_area": "many"}, ["x"], "x", 7):
            (item,) = predict({"image": CAT}, extra_params=wrong)
            assert labels(item) == ["cat"]

    def test_a_project_s_settings_count(self, predict: Predict) -> None:
        (item,) = predict({"image": CAT}, extra_params={"model_score_threshold": 0.9999})
        assert item["result"] == []
        assert "error" not in item


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {
            "result": st.lists(
                st.fixed_dictionaries(
                    {"type": st.sampled_from(["textarea", "brushlabels", "keypointlabels", "x"])},
                    optional={
                        "value": st.dictionaries(
                            st.sampled_from(["text", "brushlabels", "rle", "x", "y", "labels"]),
                            st.none() | st.integers() | st.text(max_size=8) | st.lists(st.text(max_size=8)),
                        )
                        | st.none(),
                        "from_name": st.text(max_size=3) | st.none(),
                    },
                )
                | st.none()
                | st.integers(),
                max_size=3,
            )
            | st.none()
            | st.text(max_size=3)
        }
    )
)
def test_any_context_has_an_answer_in_the_contract_s_shape(predict: Predict, context: dict[str, Any]) -> None:
    (item,) = predict({"image": CAT}, context=context)
    assert isinstance(item["result"], list)
    assert LabelInterface(CONFIG).validate_prediction(item, return_errors=True) == []


class TestUnforeseen:
    def test_an_error_that_nobody_foresaw_stays_with_its_task(
        self, predict: Predict, image_source: ImageSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fetch(self: ImageSource, value: object, **more: Any) -> bytes:
            if value == "poison":
                raise ZeroDivisionError("integer division")
            return original(self, value, **more)

        original = ImageSource.fetch
        monkeypatch.setattr(ImageSource, "fetch", fetch)
        poisonous, good = predict({"image": "poison"}, {"image": CAT})
        assert (poisonous["result"], poisonous["error"]["kind"]) == ([], PERMANENT)
        assert labels(good) == ["cat"]

    def test_an_interactive_request_on_an_empty_list_of_images_has_no_regions(self, predict: Predict) -> None:
        config = CONFIG.replace('value="$image"', 'valueList="$pages"', 1)
        context = {
            "result": [{"type": "keypointlabels", "value": {"x": 5, "y": 5, "keypointlabels": ["cat"]}}]
        }
        (item,) = predict({"pages": []}, config=config, context=context)
        assert item["result"] == []
