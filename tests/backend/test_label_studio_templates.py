"""Every example template that ships with Label Studio: read without a crash, and every task answered."""

from pathlib import Path

import pytest
from label_studio_sdk.label_interface import LabelInterface

from backend.images.source import ImageSource
from backend.predictions import cached_label_config, predict_tasks
from benchmarks.templates import Template, read_templates, task_data
from tests.embedded_model import local_file
from zegclip_core.segmenter import Segmenter


@pytest.fixture(scope="session")
def templates(label_studio_program: Path) -> list[Template]:
    folders = label_studio_program.resolve().parent.parent.glob("lib/python3*/site-packages/label_studio")
    return read_templates(next(iter(folders)) / "annotation_templates")


def test_every_template_can_be_painted_or_says_why_not(templates: list[Template]) -> None:
    assert len(templates) > 50
    for template in templates:
        config = cached_label_config(template.config)
        assert config.targets or config.warnings, template.name


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("Semantic Segmentation with Masks", {"brushlabels"}),
        ("Semantic Segmentation with Polygons", {"polygonlabels"}),
        ("Object Detection with Bounding Boxes", {"rectanglelabels"}),
        ("Image Classification", {"choices"}),
        ("Inventory Tracking", {"polygonlabels"}),
        ("Multi-page document annotation", {"rectanglelabels"}),
        ("Optical Character Recognition", {"polygon"}),
        ("Breast Cancer Mammogram Classification", {"choices"}),
        ("Image Captioning", set()),
        ("Keypoint Labeling", set()),
        ("Video Object Tracking", set()),
    ],
)
def test_what_each_kind_of_template_gets(templates: list[Template], name: str, kinds: set[str]) -> None:
    template = next(template for template in templates if template.name == name)
    found = {target.control_type for target in cached_label_config(template.config).targets}
    assert found == kinds


def test_every_template_with_an_image_answers_its_task(
    templates: list[Template], segmenter: Segmenter, image_source: ImageSource
) -> None:
    with_image = [template for template in templates if "Image" in template.tags]
    assert len(with_image) > 10
    for template in with_image:
        data = task_data(template.config, local_file("coffee.jpg"))
        (item,) = predict_tasks(
            [{"id": 1, "data": data}],
            template.config,
            segmenter=segmenter,
            images=image_source,
            model_version="zegclip-mini@4",
        )
        assert isinstance(item["result"], list), template.name
        assert item["result"] or "error" in item or cached_label_config(template.config).targets
        assert LabelInterface(template.config).validate_prediction(item, return_errors=True) == []
