"""Every control: what is painted is valid for Label Studio's own checks and comes back as the same pixels."""

from typing import Any

import numpy as np
import pytest
from label_studio_sdk.label_interface import LabelInterface

from backend.label_studio.label_config import Target, read_label_config
from backend.regions.decoding import label_map_from_result
from backend.regions.registry import CONTROL_TAGS, build_regions
from tests.backend.regions.masks import overlap
from tests.backend.regions.segmentations import CAR, HEIGHT, ROAD, SKY, WIDTH, label_map, segmentation
from tests.conftest import CHECKOUT

NUMBERS = {"Car": CAR, "Road": ROAD, "Sky": SKY}
LABELS = "".join(f'<Label value="{name}"/>' for name in NUMBERS)
CHOICES = LABELS.replace("Label", "Choice")
OWN = ("BrushLabels", "BitmaskLabels", "PolygonLabels", "EllipseLabels", "RectangleLabels")
TOOLS = ("Brush", "Bitmask", "Polygon", "Ellipse", "Rectangle")
# How much of the picture's labels a format can hold: boxes and ellipses only come near.
LEAST_OVERLAP = {"brush": 1.0, "bitmask": 1.0, "polygon": 0.93}


def view(controls: str) -> str:
    return f'<View><Image name="image" value="$image"/>{controls}</View>'


def config_of(tag: str, attributes: str = "") -> str:
    if tag in TOOLS:
        labels = f'<Labels name="labels" toName="image">{LABELS}</Labels>'
        return view(f'{labels}<{tag} name="control" toName="image" {attributes}/>')
    inner = CHOICES if tag in ("Choices", "Taxonomy") else LABELS
    return view(f'<{tag} name="control" toName="image" {attributes}>{inner}</{tag}>')


def only_target(config: str) -> Target:
    targets = read_label_config(config, control_tags=CONTROL_TAGS).targets
    assert len(targets) == 1
    return targets[0]


def painted(config: str) -> list[dict[str, Any]]:
    return build_regions(only_target(config), segmentation())


def test_every_control_is_covered_here() -> None:
    assert set(CONTROL_TAGS) == {*OWN, *TOOLS, "Choices", "Taxonomy"}


def test_every_control_is_in_the_documents() -> None:
    table = (CHECKOUT / "docs" / "controls.md").read_text(encoding="utf-8").split("## Words")[0]
    assert [tag for tag in CONTROL_TAGS if f"`{tag}`" not in table] == []


@pytest.mark.parametrize("tag", CONTROL_TAGS)
@pytest.mark.parametrize("attributes", ["", 'model_output="component"', 'model_output="class"'])
def test_label_studio_finds_nothing_wrong(tag: str, attributes: str) -> None:
    config = config_of(tag, attributes)
    result = painted(config)
    assert result
    prediction = {"model_version": "zegclip-mini@4", "score": 0.8, "result": result}
    assert LabelInterface(config).validate_prediction(prediction, return_errors=True) == []


@pytest.mark.parametrize("tag", [*OWN, *TOOLS])
def test_the_regions_come_back_as_the_label_map(tag: str) -> None:
    result = painted(config_of(tag))
    back = label_map_from_result(result[::-1], numbers=NUMBERS, width=WIDTH, height=HEIGHT)
    assert back.problems == ()
    least = LEAST_OVERLAP.get(tag.removesuffix("Labels").lower())
    for number in NUMBERS.values() if least else ():
        assert overlap(back.label_map == number, label_map() == number) >= least


@pytest.mark.parametrize("tag", [*OWN, *TOOLS])
def test_every_region_has_an_id_of_its_own_and_the_image_s_size(tag: str) -> None:
    result = painted(config_of(tag, 'model_output="component"'))
    carriers = [region for region in result if region["type"] != "labels" or tag not in TOOLS]
    assert len({region["id"] for region in carriers}) == len(carriers) > 3
    assert {(region["original_width"], region["original_height"]) for region in result} == {(WIDTH, HEIGHT)}
    assert {region["image_rotation"] for region in result} == {0}


@pytest.mark.parametrize("tag", TOOLS)
def test_the_halves_of_a_split_region_share_id_and_geometry(tag: str) -> None:
    result = painted(config_of(tag))
    for geometry, labels in zip(result[::2], result[1::2], strict=True):
        assert (geometry["from_name"], geometry["type"]) == ("control", tag.lower())
        assert (labels["from_name"], labels["type"]) == ("labels", "labels")
        assert geometry["id"] == labels["id"]
        assert labels["value"] == {**geometry["value"], "labels": labels["value"]["labels"]}


@pytest.mark.parametrize("tag", OWN)
def test_regions_come_with_the_largest_first_and_at_most_as_many_as_asked(tag: str) -> None:
    result = painted(config_of(tag, 'model_max_regions="2"'))
    assert [region["value"][region["type"]] for region in result] == [["Road"], ["Sky"]]


def test_a_class_in_several_pieces_counts_as_several_regions() -> None:
    result = painted(config_of("PolygonLabels", 'model_max_regions="3" model_output="class"'))
    assert len(result) == 3


@pytest.mark.parametrize("tag", ["BrushLabels", "BitmaskLabels"])
def test_masks_are_one_region_for_each_class_by_default(tag: str) -> None:
    assert len(painted(config_of(tag))) == 3


@pytest.mark.parametrize("tag", ["PolygonLabels", "RectangleLabels", "EllipseLabels"])
def test_outlines_are_one_region_for_each_component_by_default(tag: str) -> None:
    cars = [region for region in painted(config_of(tag)) if region["value"][region["type"]] == ["Car"]]
    assert len(cars) == 2


def test_the_score_is_the_mean_confidence_inside_the_region() -> None:
    result = painted(config_of("BrushLabels", 'model_output="component"'))
    scores = [region["score"] for region in result if region["value"]["brushlabels"] == ["Car"]]
    assert scores == pytest.approx([0.9, 0.5])


class TestChoices:
    def test_one_result_names_the_labels_that_are_present_the_largest_first(self) -> None:
        (result,) = painted(config_of("Choices", 'choice="multiple"'))
        assert result["value"] == {"choices": ["Road", "Sky", "Car"]}
        assert result["type"] == "choices"

    @pytest.mark.parametrize("attributes", ["", 'choice="single"', 'choice="single-radio"'])
    def test_a_single_choice_is_the_largest(self, attributes: str) -> None:
        (result,) = painted(config_of("Choices", attributes))
        assert result["value"] == {"choices": ["Road"]}

    def test_thresholds_decide_what_counts_as_present(self) -> None:
        (result,) = painted(config_of("Choices", 'choice="multiple" model_min_area="0.2"'))
        assert result["value"] == {"choices": ["Road", "Sky"]}
        assert painted(config_of("Choices", 'model_score_threshold="0.99"')) == []


TREE = view(
    '<Taxonomy name="control" toName="image"><Choice value="Vehicle"><Choice value="Car"/></Choice>'
    '<Choice value="Ground" alias="G"><Choice value="Road" alias="R"/></Choice><Choice value="Sky"/>'
    "</Taxonomy>"
)


class TestTaxonomy:
    def test_leaves_carry_their_path(self) -> None:
        (result,) = painted(TREE)
        assert result["value"] == {"taxonomy": [["G", "R"], ["Sky"], ["Vehicle", "Car"]]}

    def test_label_studio_finds_nothing_wrong_with_paths(self) -> None:
        errors = LabelInterface(TREE).validate_prediction({"result": painted(TREE)}, return_errors=True)
        assert errors == []


def test_item_index_tells_the_place_in_a_list_of_images() -> None:
    target = only_target(config_of("BrushLabels"))
    assert all("item_index" not in region for region in build_regions(target, segmentation()))
    result = build_regions(target, segmentation(), item_index=2)
    assert {region["item_index"] for region in result} == {2}


def test_a_background_label_is_never_painted() -> None:
    for tag in CONTROL_TAGS:
        text = str(painted(config_of(tag, 'model_background="Road"')))
        assert "Road" not in text
        assert "Sky" in text


def test_an_image_without_any_label_has_no_results() -> None:
    empty = segmentation(np.zeros((HEIGHT, WIDTH), np.uint16))
    for tag in CONTROL_TAGS:
        assert build_regions(only_target(config_of(tag)), empty) == []
