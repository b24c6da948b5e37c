import dataclasses
from typing import Any

import pytest

from backend.label_studio.control_options import ControlOptions, read_flag, read_options
from tests.conftest import CHECKOUT

WHERE = '<BrushLabels name="tag">'


@pytest.mark.parametrize(
    ("name", "given", "field", "expected"),
    [
        ("model_score_threshold", "0.4", "score_threshold", 0.4),
        ("model_min_area", "25", "min_area", 25.0),
        ("model_min_area", "0.01", "min_area", 0.01),
        ("model_output", "Component", "output", "component"),
        ("model_max_regions", "7", "max_regions", 7),
        ("model_skip", "true", "skip", True),
        ("model_prompt", "a satellite photo of {}", "prompt", "a satellite photo of {}"),
        ("model_background", "road, sky", "background", frozenset({"road", "sky"})),
        ("model_background", ["road", "sky"], "background", frozenset({"road", "sky"})),
        ("model_tolerance", "0", "tolerance", 0.0),
        ("min_area", 25, "min_area", 25.0),
    ],
)
def test_a_setting_is_read(name: str, given: Any, field: str, expected: Any) -> None:
    options, warnings = read_options({name: given}, where=WHERE)
    assert getattr(options, field) == expected
    assert warnings == []


@pytest.mark.parametrize(
    ("name", "given", "allowed"),
    [
        ("model_score_threshold", "high", "from 0 to 1"),
        ("model_score_threshold", "1.5", "from 0 to 1"),
        ("model_score_threshold", "nan", "from 0 to 1"),
        ("model_min_area", "-3", "pixels"),
        ("model_min_area", "inf", "pixels"),
        ("model_output", "instance", "'class' or 'component'"),
        ("model_max_regions", "0", "whole number from 1"),
        ("model_max_regions", "2.5", "whole number from 1"),
        ("model_skip", "perhaps", "true or false"),
        ("model_prompt", "a photo", "{}"),
        ("model_tolerance", "-1", "pixels"),
        ("model_score_threshold", {"a": 1}, "from 0 to 1"),
        ("model_max_regions", [3], "whole number from 1"),
    ],
)
def test_a_wrong_value_is_told_with_attribute_value_and_what_is_allowed(
    name: str, given: Any, allowed: str
) -> None:
    options, (warning,) = read_options({name: given}, where=WHERE)
    assert options == ControlOptions()
    for part in (WHERE, name, repr(given), allowed):
        assert part in warning


def test_an_unknown_setting_is_told_with_the_known_ones() -> None:
    _, (warning,) = read_options({"model_treshold": "0.4", "toName": "image"}, where=WHERE)
    assert "model_treshold" in warning
    assert "model_score_threshold" in warning


def test_a_control_s_own_settings_stand_over_the_project_s() -> None:
    defaults, _ = read_options({"model_min_area": "10", "model_skip": "true"}, where="extra_params")
    options, _ = read_options({"model_skip": "false"}, where=WHERE, defaults=defaults)
    assert (options.min_area, options.skip) == (10.0, False)


@pytest.mark.parametrize("text", ["true", "True", "yes", "1", "on"])
def test_what_means_yes(text: str) -> None:
    assert read_flag(text) is True


@pytest.mark.parametrize("text", ["false", "No", "0", "off", "", False])
def test_what_means_no(text: object) -> None:
    assert read_flag(text) is False


def test_every_setting_is_in_the_documents_table() -> None:
    table = (CHECKOUT / "docs" / "controls.md").read_text(encoding="utf-8")
    for field in dataclasses.fields(ControlOptions):
        assert f"| `model_{field.name}` |" in table
