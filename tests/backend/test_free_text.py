from typing import Any

import pytest

from backend.free_text import label_for, phrase_target, phrases_in_context, phrases_in_task, relabel
from backend.label_studio.control_options import ControlOptions
from backend.label_studio.label_config import LabelConfig, Target, TextPrompt
from zegclip_core.labels import Label

CAR, ROAD = Label("Car", ("car", "automobile")), Label("Road", ("road",))
NOTHING: frozenset[str] = frozenset()


def text_region(text: Any) -> dict[str, Any]:
    return {"type": "textarea", "from_name": "prompt", "value": {"text": text}}


class TestPhrases:
    @pytest.mark.parametrize(
        ("text", "phrases"),
        [
            (["red car"], ("red car",)),
            ("red car", ("red car",)),
            (["red car, blue  door\nsky; sky"], ("red car", "blue door", "sky")),
            (["", " , ", None, 7], ()),
            (None, ()),
        ],
    )
    def test_of_an_interactive_request(self, text: Any, phrases: tuple[str, ...]) -> None:
        assert phrases_in_context({"result": [text_region(text)]}) == phrases

    @pytest.mark.parametrize(
        "result", [None, {}, [None], [{"type": "textarea"}], [{"type": "textarea", "value": 1}]]
    )
    def test_none_where_the_request_is_incomplete(self, result: Any) -> None:
        assert phrases_in_context({"result": result}) == ()

    def test_of_a_task(self) -> None:
        config = LabelConfig((), (), (TextPrompt("prompt", "image", "words"), TextPrompt("p", "other", "x")))
        assert phrases_in_task(config, {"words": "red car", "x": "sky"}, "image") == ("red car",)
        assert phrases_in_task(config, {}, "image") == ()

    def test_there_is_an_end(self) -> None:
        assert len(phrases_in_context({"result": [text_region([f"word {n}" for n in range(1000)])]})) == 50
        assert len(phrases_in_context({"result": [text_region(["x" * 10_000])]})[0]) == 200


class TestLabelOfAPhrase:
    @pytest.mark.parametrize("phrase", ["car", "Car", "red car", "a rusty AUTOMOBILE"])
    def test_the_label_that_its_last_words_name(self, phrase: str) -> None:
        assert label_for(phrase, [CAR, ROAD], NOTHING) == "Car"

    def test_the_longest_name_wins(self) -> None:
        labels = [Label("light", ("light",)), Label("traffic light", ("traffic light",))]
        assert label_for("red traffic light", labels, NOTHING) == "traffic light"

    def test_a_part_of_a_word_names_nothing(self) -> None:
        assert label_for("oscar", [CAR, ROAD], NOTHING) is None

    def test_else_the_label_that_the_person_has_picked(self) -> None:
        assert label_for("blue door", [CAR, ROAD], frozenset({"Road"})) == "Road"
        assert label_for("blue door", [CAR, ROAD], frozenset({"Road", "Car"})) is None

    def test_else_the_only_label_there_is(self) -> None:
        assert label_for("blue door", [ROAD], NOTHING) == "Road"


class TestPainting:
    target = Target("brush", "image", "brushlabels", "image", (CAR, ROAD), ControlOptions())

    def test_the_label_that_the_phrase_speaks_of_does_not_compete_with_it(self) -> None:
        labels = phrase_target(self.target, ("red car",), NOTHING).labels
        assert labels[0] == Label("red car", ("red car",))
        assert [(label.name, label.is_background) for label in labels[1:]] == [("Road", True)]

    def test_regions_get_the_project_s_label_and_keep_the_phrase(self) -> None:
        region = {"type": "brushlabels", "value": {"rle": [1], "brushlabels": ["red car"]}}
        (found,) = relabel([region], self.target.labels, NOTHING)
        assert found["value"] == {"rle": [1], "brushlabels": ["Car"]}
        assert found["meta"] == {"text": ["red car"]}

    def test_a_phrase_without_a_label_leaves_the_naming_to_a_person(self) -> None:
        region = {"type": "brushlabels", "value": {"rle": [1], "brushlabels": ["blue door"]}}
        (found,) = relabel([region], self.target.labels, NOTHING)
        assert found["value"]["brushlabels"] == []

    def test_in_the_split_form_only_the_labels_half_has_one(self) -> None:
        halves = [
            {"type": "brush", "value": {"rle": [1]}},
            {"type": "labels", "value": {"rle": [1], "labels": ["red car"]}},
        ]
        geometry, labels = relabel(halves, self.target.labels, NOTHING)
        assert geometry == halves[0]
        assert labels["value"]["labels"] == ["Car"]
