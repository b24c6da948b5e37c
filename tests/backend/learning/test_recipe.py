"""How a project is trained: mode, start and length by its data and machine."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from backend.learning.dataset_export import ExportedDataset
from backend.learning.recipe import TrainingPlan, plan_training


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


@pytest.mark.parametrize(
    ("unseen", "unlabelled", "mode"),
    [((), 0, "fully"), (("lamp",), 9, "transductive"), (("lamp",), 0, "inductive")],
)
def test_labels_without_corrections_are_looked_for_where_there_are_images(
    unseen: tuple[str, ...], unlabelled: int, mode: str
) -> None:
    assert plan(unseen=unseen, unlabelled=unlabelled).configuration.mode == mode


def test_unlabelled_pixels_teach_only_where_a_background_is_declared() -> None:
    assert plan().configuration.data.background == "negative"
    assert plan(background=False).configuration.data.background == "ignore"
    assert not plan().configuration.loss.ignored_are_negative


def test_a_trained_model_goes_on_with_self_training(tmp_path: Path) -> None:
    first, later = (
        plan(unseen=("lamp",), unlabelled=9),
        plan(unseen=("lamp",), unlabelled=9, champion=tmp_path),
    )
    assert (first.start_from, later.start_from) == (None, tmp_path)
    assert first.configuration.self_training.inductive_iterations == 50
    assert later.configuration.self_training.inductive_iterations == 0
    assert later.configuration.self_training.iterations == 100


def test_a_gpu_tunes_deep_prompts_and_a_cpu_keeps_the_frozen_stem() -> None:
    on_gpu = plan(backbone="ViT-B-16/openai", has_cuda=True).configuration
    on_cpu = plan(backbone="ViT-B-16/openai").configuration
    assert (on_gpu.model.prompt_tokens, on_gpu.data.cache) == (10, "none")
    assert (on_cpu.model.prompt_tokens, on_cpu.data.cache) == (0, "stem")


def test_the_embedded_model_begins_as_the_dense_head_it_replaces() -> None:
    assert plan().configuration.model.start == "similarity"
    assert plan(backbone="ViT-B-16/openai").configuration.model.start == "random"


def test_without_a_holdout_nothing_is_read_from_it() -> None:
    assert plan(holdout=0).configuration.evaluation.split == "train"


def test_steps_are_the_recipe_s_unless_chosen() -> None:
    assert plan(iterations=7).configuration.optimisation.iterations == 7
    assert plan(iterations=0).configuration.optimisation.iterations > 7


def test_training_asks_for_single_words_as_painting_does() -> None:
    assert plan().configuration.data.words == "first"


def test_what_begins_as_a_softmax_goes_on_as_one_unless_it_trains_itself() -> None:
    assert plan().configuration.loss.kind == "exclusive"
    assert plan(unseen=("lamp",)).configuration.loss.kind == "exclusive"
    assert plan(unseen=("lamp",), unlabelled=9).configuration.loss.kind == "non_exclusive"
    assert plan(backbone="ViT-B-16/openai").configuration.loss.kind == "non_exclusive"
