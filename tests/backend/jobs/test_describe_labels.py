import json

from backend.jobs.describe_labels import run_describe_labels

CONFIG = """<View><Image name="image" value="$image"/><BrushLabels name="seg" toName="image">
<Label value="cat" prompt="kitten|tabby"/><Label value="floor" model_background="true"/>
</BrushLabels></View>"""


def test_every_control_is_told_with_its_labels_and_their_words() -> None:
    described = run_describe_labels(CONFIG, None)
    (control,) = described["controls"]
    assert (control["name"], control["tag"]) == ("seg", "brushlabels")
    assert control["labels"] == [
        {"name": "cat", "words": ["kitten", "tabby"], "background": False},
        {"name": "floor", "words": ["floor"], "background": True},
    ]
    assert described["warnings"] == []
    json.dumps(described)


def test_settings_of_the_project_that_mean_nothing_are_told() -> None:
    assert "model_min_area" in " ".join(run_describe_labels(CONFIG, {"model_min_area": "many"})["warnings"])


def test_a_configuration_that_cannot_be_read_is_told_instead_of_failing_the_job() -> None:
    described = run_describe_labels("<View", None)
    assert described["controls"] == []
    assert len(described["warnings"]) == 1
