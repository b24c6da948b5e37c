import json

import pytest

from backend.jobs.describe_labels import run_describe_labels

pytestmark = pytest.mark.usefixtures("installed_model")

CONFIG = """<View><Image name="image" value="$image"/><BrushLabels name="seg" toName="image">
<Label value="cat" prompt="kitten|tabby"/><Label value="floor" model_background="true"/>
</BrushLabels></View>"""


def test_every_control_is_told_with_its_labels_and_their_words() -> None:
    described = run_describe_labels(CONFIG, None)
    (control,) = described["controls"]
    assert (control["name"], control["tag"]) == ("seg", "brushlabels")
    cat, floor = control["labels"]
    assert (cat["name"], cat["words"], cat["background"]) == ("cat", ["kitten", "tabby"], False)
    assert (floor["name"], floor["words"], floor["background"]) == ("floor", ["floor"], True)
    assert described["warnings"] == []
    json.dumps(described)


def test_settings_of_the_project_that_mean_nothing_are_told() -> None:
    assert "model_min_area" in " ".join(run_describe_labels(CONFIG, {"model_min_area": "many"})["warnings"])


def test_a_configuration_that_cannot_be_read_is_told_instead_of_failing_the_job() -> None:
    described = run_describe_labels("<View", None)
    assert described["controls"] == []
    assert len(described["warnings"]) == 1


def test_labels_have_the_words_that_the_model_finds_near_them() -> None:
    (control,) = run_describe_labels(CONFIG, None)["controls"]
    cat, floor = control["labels"]
    assert "cat" in cat["nearest"]
    assert "floor" in floor["nearest"]


def test_labels_that_are_the_same_to_the_model_are_told() -> None:
    twins = CONFIG.replace('value="cat" prompt="kitten|tabby"', 'value="sofa"')
    twins = twins.replace('value="floor" model_background="true"', 'value="couch"')
    (warning,) = run_describe_labels(twins, None)["warnings"]
    assert "'sofa' and 'couch'" in warning


def test_words_in_another_script_are_told() -> None:
    assert "猫" not in CONFIG
    warnings = run_describe_labels(CONFIG.replace("kitten|tabby", "猫"), None)["warnings"]
    assert any("'cat'" in warning and "English" in warning for warning in warnings)


def test_measured_mistakes_are_told_with_the_version_they_were_measured_with() -> None:
    fruit = CONFIG.replace('value="cat" prompt="kitten|tabby"', 'value="apple"')
    fruit = fruit.replace('value="floor" model_background="true"', 'value="orange"')
    measured = run_describe_labels(fruit, None)["measured"]
    assert measured["model_version"] == "zegclip-mini@4"
    (told,) = measured["warnings"]
    assert "seg" in told
    assert "of the pixels of 'apple' are painted 'orange'" in told
