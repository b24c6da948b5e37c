"""How a project is trained: mode, start and length by its data and machine."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backend.learning.dataset_export import ExportedDataset
from backend.learning.recipe import TrainingPlan, plan_training
from training.adaptation.settings import AdaptationSettings
from training.configuration import TrainingConfiguration


def plan(
    *,
    unseen: tuple[str, ...] = (),
    unlabelled: int = 0,
    background: bool = True,
    holdout: int = 3,
    champion: Path | None = None,
    backbone: str = "zegclip-mini",
    has_cuda: bool = False,
    iterations: int = 100,
) -> TrainingPlan:
    description = SimpleNamespace(unseen=unseen, background=object() if background else None)
    exported = SimpleNamespace(description=description, unlabelled=unlabelled, holdout=holdout)
    return plan_training(
        cast("ExportedDataset", exported),
        backbone=backbone,
        champion=champion,
        has_cuda=has_cuda,
        iterations=iterations,
    )


def decoder(**choices: Any) -> TrainingConfiguration:
    """The settings for a backbone that was not trained on patches."""
    settings = plan(backbone="ViT-B-16/openai", **choices).settings
    assert isinstance(settings, TrainingConfiguration)
    return settings


@pytest.mark.parametrize("backbone", ["zegclip-mini", "ViT-B-16/openai"])
@pytest.mark.parametrize(
    ("unseen", "unlabelled", "mode"),
    [((), 0, "fully"), (("lamp",), 9, "transductive"), (("lamp",), 0, "inductive")],
)
def test_labels_without_corrections_are_looked_for_where_there_are_images(
    unseen: tuple[str, ...], unlabelled: int, mode: str, backbone: str
) -> None:
    assert plan(unseen=unseen, unlabelled=unlabelled, backbone=backbone).mode == mode


def test_the_embedded_model_is_adapted_from_itself_whatever_serves(tmp_path: Path) -> None:
    later = plan(champion=tmp_path)
    assert isinstance(later.settings, AdaptationSettings)
    assert later.start_from is None


def test_unlabelled_pixels_teach_a_decoder_only_where_a_background_is_declared() -> None:
    assert decoder().data.background == "negative"
    assert decoder(background=False).data.background == "ignore"
    assert not decoder().loss.ignored_are_negative


def test_a_trained_decoder_goes_on_with_self_training(tmp_path: Path) -> None:
    first = decoder(unseen=("lamp",), unlabelled=9)
    later = plan(unseen=("lamp",), unlabelled=9, champion=tmp_path, backbone="ViT-B-16/openai")
    assert first.self_training.inductive_iterations == 50
    assert later.start_from == tmp_path
    assert isinstance(later.settings, TrainingConfiguration)
    assert later.settings.self_training.inductive_iterations == 0
    assert later.settings.self_training.iterations == 100


def test_a_gpu_tunes_deep_prompts_and_a_cpu_keeps_the_frozen_stem() -> None:
    on_gpu, on_cpu = decoder(has_cuda=True), decoder()
    assert (on_gpu.model.prompt_tokens, on_gpu.data.cache) == (10, "none")
    assert (on_cpu.model.prompt_tokens, on_cpu.data.cache) == (0, "stem")


def test_without_a_holdout_nothing_is_read_from_it() -> None:
    assert decoder(holdout=0).evaluation.split == "train"


def test_steps_are_the_recipe_s_unless_chosen() -> None:
    assert decoder(iterations=7).optimisation.iterations == 7
    assert decoder(iterations=0).optimisation.iterations > 7
    adapted, by_default = plan(iterations=7).settings, plan(iterations=0).settings
    assert isinstance(adapted, AdaptationSettings)
    assert (adapted.iterations, adapted.save_every) == (7, 1)
    assert isinstance(by_default, AdaptationSettings)
    assert by_default.iterations == AdaptationSettings().iterations


def test_a_decoder_is_trained_on_single_words_as_painting_asks_for_them() -> None:
    assert decoder().data.words == "first"
