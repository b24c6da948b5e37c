"""A training plan carried out: the embedded model is adapted, others get ZegCLIP's decoder."""

from collections.abc import Callable
from pathlib import Path

from backend.learning.dataset_export import HOLDOUT, TRAIN
from backend.learning.recipe import TrainingPlan
from training.adaptation.run import adapt
from training.adaptation.settings import AdaptationSettings
from training.progress import Listener
from training.run import CACHE_FOLDER, TrainedModel, train


def run_plan(
    plan: TrainingPlan,
    *,
    model: str,
    dataset: Path,
    out: Path,
    device: str,
    cache_dir: Path | None,
    progress: Listener,
    should_stop: Callable[[], bool],
) -> TrainedModel:
    """Train, or go on with the run that `out` holds.

    Args:
        plan: mode, settings and start.
        model: notation of the base model.
        dataset: folder of the corrections.
        out: the run's folder.
        device: auto, cpu or cuda.
        cache_dir: where features are kept; by default inside `out`.
        progress: told after every step.
        should_stop: asked after every step; True saves the run and raises `RunStoppedError`.

    Raises what `adapt` and `train` raise.

    """
    if isinstance(plan.settings, AdaptationSettings):
        return adapt(
            plan.settings,
            model=model,
            dataset=dataset,
            split=TRAIN,
            holdout=HOLDOUT if plan.has_holdout else None,
            out=out,
            device=device,
            cache_dir=cache_dir or out / CACHE_FOLDER,
            progress=progress,
            should_stop=should_stop,
        )
    return train(
        plan.settings,
        dataset=dataset,
        out=out,
        start_from=plan.start_from,
        device=device,
        cache_dir=cache_dir,
        progress=progress,
        should_stop=should_stop,
    )
