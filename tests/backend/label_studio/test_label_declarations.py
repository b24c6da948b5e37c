import pytest
from defusedxml.ElementTree import fromstring

from backend.label_studio.control_options import ControlOptions
from backend.label_studio.label_declarations import declared_in_task, label_words, read_labels, read_paths

WHERE = '<BrushLabels name="tag">'


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"value": "Car"}, ("Car",)),
        ({"value": "Car", "hint": "a red car"}, ("a red car",)),
        ({"value": "Car", "hint": "x", "predicted_values": "car, truck"}, ("car", "truck")),
        ({"value": "Car", "predicted_values": "car", "prompt": "automobile|car"}, ("automobile", "car")),
        ({"value": " cat | kitten "}, ("cat", "kitten")),
        ({"alias": "road"}, ("road",)),
        ({"value": "  ", "alias": ""}, ()),
    ],
)
def test_the_words_of_a_label(attributes: dict[str, str], words: tuple[str, ...]) -> None:
    assert label_words(attributes) == words


def test_a_prompt_of_the_control_goes_around_every_word() -> None:
    options = ControlOptions(prompt="a drawing of a {}")
    labels, _ = read_labels([("c", {"value": "cat|kitten"})], options, WHERE)
    assert labels[0].prompts == ("a drawing of a cat", "a drawing of a kitten")


def test_background_is_declared_by_the_label_or_by_the_control() -> None:
    declared = [
        ("a", {"value": "a", "model_background": "true"}),
        ("b", {"value": "b"}),
        ("c", {"value": "c"}),
    ]
    labels, warnings = read_labels(declared, ControlOptions(background=frozenset({"b"})), WHERE)
    assert [label.is_background for label in labels] == [True, True, False]
    assert warnings == []


def test_a_wrong_background_flag_is_told() -> None:
    labels, (warning,) = read_labels(
        [("a", {"value": "a", "model_background": "maybe"})], ControlOptions(), WHERE
    )
    assert not labels[0].is_background
    assert "'a'" in warning
    assert "'maybe'" in warning


def test_labels_that_look_for_the_same_words_are_told() -> None:
    _, (warning,) = read_labels(
        [("Car", {"value": "Car"}), ("vehicle", {"value": "car"})], ControlOptions(), WHERE
    )
    assert "'Car', 'vehicle'" in warning


def test_a_label_without_words_is_left_out() -> None:
    labels, (warning,) = read_labels([("a", {"value": " "}), ("b", {"value": "b"})], ControlOptions(), WHERE)
    assert [label.name for label in labels] == ["b"]
    assert "without any word" in warning


def test_a_taxonomy_s_leaves_have_paths_through_aliases_and_views() -> None:
    tree = fromstring(
        '<Taxonomy><Choice value="A" alias="a"><View><Choice value="B"/></View>'
        '<Choice value="C"><Choice value="D"/></Choice></Choice><Choice value="E"/></Taxonomy>'
    )
    assert [path for path, _ in read_paths(tree)] == [("a", "B"), ("a", "C", "D"), ("E",)]


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ([{"value": "Car"}, {"value": "Road", "alias": "r"}], ["Car", "r"]),
        (["Car", "Road"], ["Car", "Road"]),
        ([{"value": "Car"}, {}, 7, None, {"value": None}], ["Car"]),
        ([], []),
    ],
)
def test_labels_of_a_task(value: object, names: list[str]) -> None:
    declared = declared_in_task(value)
    assert declared is not None
    assert [name for name, _ in declared] == names


@pytest.mark.parametrize("value", [None, "Car", {"value": "Car"}, 7])
def test_what_is_no_list_holds_no_labels(value: object) -> None:
    assert declared_in_task(value) is None
