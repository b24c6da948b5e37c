import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.tiny import tiny_backbone, tiny_configuration, write_dataset
from training.checkpoint_files import save_model, trained_sizes
from training.configuration import TrainingConfiguration
from training.models import fresh_model
from training.setting_groups import EvaluationSettings
from zegclip_core.backbones.backbone import InputSizes


def manifest(configuration: TrainingConfiguration, folder: Path) -> dict[str, Any]:
    backbone = tiny_backbone()
    save_model(
        folder / "model",
        fresh_model(backbone, configuration.model, seed=0),
        backbone=backbone,
        configuration=configuration,
        description=write_dataset(folder / "data"),
        loss=1.5,
    )
    document: dict[str, Any] = json.loads((folder / "model" / "manifest.json").read_text())
    return document


def test_a_model_says_what_it_was_trained_on_and_how(tmp_path: Path) -> None:
    document = manifest(tiny_configuration(data={"words": "all"}, seed=4), tmp_path)
    assert document["name"] == "tiny+tiny"
    assert document["backbone"].items() >= {"notation": "tiny", "digest": "tiny"}.items()
    assert document["templates"] == ["a photo of a {}"]
    assert document["classes"] == [
        {"name": "cat", "prompts": ["cat", "kitten"], "seen": True},
        {"name": "dog", "prompts": ["dog"], "seen": True},
        {"name": "sofa", "prompts": ["sofa", "couch"], "seen": False},
    ]
    assert document["recipe"]["seed"] == 4
    assert document["metrics"] == {"loss": 1.5}


@pytest.mark.parametrize(
    ("mode", "loss", "bias"),
    [
        ("inductive", "non_exclusive", 0.1),
        ("inductive", "exclusive", 0.0),
        ("transductive", "non_exclusive", 0.0),
        ("fully", "non_exclusive", 0.0),
    ],
)
def test_only_inductive_models_of_the_paper_s_loss_lower_seen_classes(
    tmp_path: Path, mode: str, loss: str, bias: float
) -> None:
    assert manifest(tiny_configuration(mode, loss={"kind": loss}), tmp_path)["seen_bias"] == bias


def test_the_recipe_says_from_which_probability_on_a_word_counts(tmp_path: Path) -> None:
    settings = tiny_configuration(evaluation={"none_probability": 0.3})
    assert manifest(settings, tmp_path)["none_probability"] == 0.3


def test_predictions_see_images_as_the_recipe_scores_them() -> None:
    whole = EvaluationSettings(short_side=0, long_side=320, window=0)
    assert trained_sizes(whole, 32) == InputSizes(multiple=32, long_side=320)
    twice = EvaluationSettings(short_side=0, long_side=512, window=0, context_side=320)
    assert trained_sizes(twice, 32) == InputSizes(multiple=32, long_side=512, context_side=320)
    assert trained_sizes(EvaluationSettings(), 16) == InputSizes(multiple=16, short_side=512, window=512)
