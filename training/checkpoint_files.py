"""The model that a run starts from, and the one that it writes: compact checkpoints."""

from pathlib import Path

from training.configuration import TrainingConfiguration, to_mapping
from training.dataset_description import DatasetDescription
from training.errors import StartModelError
from training.models import load_learned, model_options
from training.setting_groups import EvaluationSettings
from training.words import class_labels, recipe_templates
from zegclip_core.backbones.backbone import Backbone, InputSizes
from zegclip_core.backbones.notation import PACKAGED_WEIGHTS
from zegclip_core.checkpoints.compact import (
    CompactCheckpoint,
    is_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from zegclip_core.checkpoints.facts import BackboneReference, CheckpointFacts, TrainedClass
from zegclip_core.zegclip.model import ZegCLIP


def find_start(start: Path | str) -> Path:
    """Return the folder of a checkpoint: itself, or the one of that name that comes with the package.

    Raises `StartModelError` when it is neither.
    """
    for folder in (Path(start), PACKAGED_WEIGHTS / start):
        if is_checkpoint(folder):
            return folder
    packaged = sorted(one.name for one in PACKAGED_WEIGHTS.iterdir() if is_checkpoint(one))
    raise StartModelError(
        f"no model to start from at {start}: give the model/ folder of a finished run"
        + (f", or one of {', '.join(packaged)}" if packaged else "")
    )


def start_model(model: ZegCLIP, folder: Path, backbone: Backbone) -> CompactCheckpoint:
    """Load a checkpoint's learned parameters into a model.

    Raises `StartModelError` when it was trained on another backbone or is of another architecture,
    `CheckpointError` and its kinds when it cannot be read.
    """
    checkpoint = read_checkpoint(folder)
    reference = checkpoint.facts.backbone
    if reference.digest != backbone.digest:
        raise StartModelError(
            f"{folder} was trained on {reference.notation} with SHA-256 {reference.digest[:12]}, this run is "
            f"on {backbone.name} with {backbone.digest[:12]}: set model.backbone to its own, or start from a "
            "checkpoint of this backbone"
        )
    load_learned(model, checkpoint.weights, origin=folder)
    return checkpoint


def save_model(
    folder: Path,
    model: ZegCLIP,
    *,
    backbone: Backbone,
    configuration: TrainingConfiguration,
    description: DatasetDescription,
    loss: float,
) -> None:
    """Write a trained model with all that is needed to use it. Raises `CheckpointWriteError`."""
    hidden = () if configuration.mode == "fully" else description.unseen
    labels = class_labels(description.foreground, configuration.data.words)
    # The bias is one of sigmoid probabilities; scores of a softmax loss have no such scale.
    biased = configuration.mode == "inductive" and configuration.loss.kind == "non_exclusive"
    facts = CheckpointFacts(
        name=f"{backbone.name}+{description.name}",
        backbone=BackboneReference(notation=configuration.model.backbone, digest=backbone.digest),
        options=model_options(configuration.model),
        sizes=trained_sizes(configuration.evaluation, backbone.size_multiple),
        templates=recipe_templates(configuration.data, backbone),
        classes=tuple(
            TrainedClass(name=label.name, prompts=label.prompts, seen=label.name not in hidden)
            for label in labels
        ),
        seen_bias=configuration.evaluation.seen_bias if biased and hidden else 0.0,
        none_probability=configuration.evaluation.none_probability,
        recipe=to_mapping(configuration),
        metrics={"loss": loss},
    )
    save_checkpoint(folder, model, facts)


def trained_sizes(settings: EvaluationSettings, multiple: int) -> InputSizes:
    """Return the image sizes that a recipe scores with, as predictions use them."""
    if settings.window:
        return InputSizes(multiple=multiple, short_side=settings.short_side, window=settings.window)
    context_side = settings.context_side or None
    return InputSizes(multiple=multiple, long_side=settings.long_side, context_side=context_side)
