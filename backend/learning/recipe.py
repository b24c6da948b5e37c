"""How a project is trained on the machine at hand."""

from dataclasses import dataclass, replace
from pathlib import Path

from backend.learning.dataset_export import HOLDOUT, TRAIN, ExportedDataset
from training.adaptation.settings import AdaptationSettings
from training.configuration import Mode, TrainingConfiguration
from training.recipe_files import load_recipe
from zegclip_core.backbones.notation import EMBEDDED_MODELS

_RECIPE = "zegclip-mini"
_WARMUP_SHARE = 0.05
_SAVES = 20


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """A training run's settings and start.

    Attributes:
        mode: what is learned from what.
        settings: of the run: an adaptation of the embedded model, or a training of ZegCLIP's decoder.
        start_from: the checkpoint folder of the version in service; None starts as the recipe says. An
            adaptation always starts from the embedded model.
        has_holdout: whether there are corrections that only decide.

    """

    mode: Mode
    settings: AdaptationSettings | TrainingConfiguration
    start_from: Path | None = None
    has_holdout: bool = False


def plan_training(
    exported: ExportedDataset,
    *,
    backbone: str,
    champion: Path | None,
    has_cuda: bool,
    iterations: int = 0,
) -> TrainingPlan:
    """Choose mode, length and start of a project's training.

    Labels without corrections are learned transductively when there are images to look for them in. The
    embedded model is adapted. Others get ZegCLIP's decoder: on a GPU with deep prompts in the tower; on CPU
    the frozen stem is computed once for each image.

    Args:
        exported: the data set.
        backbone: the model's notation.
        champion: the checkpoint in service that stands on the same backbone; None for the base model.
        has_cuda: whether a GPU is there.
        iterations: optimiser steps; 0 takes the recipe's.

    """
    mode: Mode = "fully"
    if exported.description.unseen:
        mode = "transductive" if exported.unlabelled else "inductive"
    if backbone in EMBEDDED_MODELS:
        settings = AdaptationSettings(iterations=iterations) if iterations else AdaptationSettings()
        settings = replace(settings, save_every=max(1, settings.iterations // _SAVES))
        return TrainingPlan(mode, settings, has_holdout=exported.holdout > 0)
    steps = iterations or load_recipe(_RECIPE, mode).optimisation.iterations
    background = "negative" if exported.description.background else "ignore"
    overrides = {
        "model.backbone": backbone,
        "data.train_split": TRAIN,
        "data.background": background,
        # Painting asks every synonym by itself: the mean of them would be trained on and never asked for.
        "data.words": "first",
        "evaluation.split": HOLDOUT if exported.holdout else TRAIN,
        "optimisation.iterations": steps,
        "optimisation.warmup": max(1, round(_WARMUP_SHARE * steps)),
        "optimisation.save_every": max(1, steps // _SAVES),
        "loss.ignored_are_negative": False,
        # Only a backbone trained on patches can begin as their cosine with words.
        "model.start": "random",
        "self_training.scheme": "teacher",
        # A model that was trained before starts with self-training at once.
        "self_training.inductive_iterations": 0 if champion else steps // 2,
        "self_training.iterations": steps if champion else steps - steps // 2,
    }
    if has_cuda:
        overrides |= {"model.prompt_tokens": 10, "model.decoder_layers": 3, "data.cache": "none"}
    texts = [f"{name}={_toml(value)}" for name, value in overrides.items()]
    return TrainingPlan(mode, load_recipe(_RECIPE, mode, texts), champion)


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
