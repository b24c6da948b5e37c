"""An adaptation from a data set to a folder that paints, resumable at every saved step."""

import copy
import hashlib
import json
import math
import time
from dataclasses import asdict, replace
from pathlib import Path

import torch

from training.adaptation.learner import AdaptationLearner
from training.adaptation.settings import AdaptationSettings
from training.adaptation.strength import StrengthTrial, choose
from training.adaptation.views import AdaptationViews
from training.dataset_description import DatasetDescription
from training.errors import ConfigurationError, RunStoppedError, TrainingStateError
from training.label_mapping import LabelMapping, map_labels
from training.progress import Listener, Phase, Progress, Question
from training.run import TrainedModel
from training.run_files import MODEL_FOLDER, RunLog, explain_full_disk, load_state, save_state
from training.samples import require_files
from training.words import class_labels
from zegclip_core.adaptation.files import AdaptationFacts, save_adaptation
from zegclip_core.adaptation.model import Adaptation
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import parse_notation
from zegclip_core.checkpoints.facts import BackboneReference
from zegclip_core.devices import choose_device
from zegclip_core.text_bank import TextBank, clean_word


def adapt(
    settings: AdaptationSettings,
    *,
    model: str,
    dataset: Path,
    split: str,
    holdout: str | None = None,
    out: Path,
    device: str = "auto",
    cache_dir: Path,
    backbone: Backbone | None = None,
    progress: Listener | None = None,
    should_stop: Question | None = None,
) -> TrainedModel:
    """Adapt a dense CLIP to a data set, or go on with the run that `out` holds, with the same result.

    Images of which no pixel is labelled teach the labels that no correction shows. It always starts from the
    CLIP itself and sees all corrections: a version depends on them, not on the trainings in between. With a
    hold-out, only as much of what was learned is kept as serves it best, and as leaves the CLIP what it is
    sure of among labels without corrections.

    Args:
        settings: of the run.
        model: notation of the CLIP; it must be trained on patches, such as zegclip-mini.
        dataset: `dataset.json` or its folder.
        split: the images to learn from.
        holdout: a split of corrected images that are not learned from, or None to keep all that was learned.
        out: the run's folder.
        device: auto, cpu, cuda or cuda:0.
        cache_dir: where features of images and words are kept.
        backbone: the CLIP where it is loaded already; by default it is loaded by its notation.
        progress: told after every step.
        should_stop: asked after every step; True saves the state and raises `RunStoppedError`.

    Raises `ConfigurationError`, `DatasetError` and its kinds before the first step, `TrainingStateError`,
    `DivergedError`, `DiskFullError`, `ModelError`.

    """
    description = DatasetDescription.load(dataset)
    for one in (split, holdout) if holdout is not None else (split,):
        require_files(description, one)
    if backbone is None:
        backbone = load_backbone(parse_notation(model), cache_dir=cache_dir, device=choose_device(device))
    phase: Phase = "self_training" if description.unseen else "fully"
    mapping = map_labels(description, phase, background="negative")
    learner = _learner(settings, description, split, mapping, backbone, cache_dir)
    fingerprint = _fingerprint(settings, description, split, backbone)
    with explain_full_disk(out):
        out.mkdir(parents=True, exist_ok=True)
    state = load_state(out)
    done, loss = 0, math.nan
    if state is not None:
        if state["fingerprint"] != fingerprint:
            raise TrainingStateError(f"{out} holds a run with other settings or data: give another folder")
        learner.restore(state["learner"])
        done, loss = int(state["iteration"]), float(state["loss"])
    first, started = done, time.monotonic()
    log = RunLog(out, iteration=done)
    while done < settings.iterations:
        loss = learner.step(done)
        done += 1
        told = Progress(
            phase=phase,
            iteration=done,
            iterations=settings.iterations,
            loss=loss,
            learning_rate=learner.rate(done - 1),
            seconds_left=(time.monotonic() - started) / (done - first) * (settings.iterations - done),
        )
        log.add(told)
        if progress:
            progress(told)
        stop = should_stop is not None and should_stop() and done < settings.iterations
        if stop or done % settings.save_every == 0 or done == settings.iterations:
            save_state(
                out,
                {"fingerprint": fingerprint, "iteration": done, "loss": loss, "learner": learner.state()},
            )
        if stop:
            raise RunStoppedError(
                f"stopped after {done} of {settings.iterations} steps: the same call with {out} goes on"
            )
    chosen = _strength(learner, description, holdout, settings, backbone, cache_dir)
    folder = out / MODEL_FOLDER
    with explain_full_disk(folder):
        adaptation = learner.averaged.scaled(chosen)
        _save(folder, adaptation, chosen, settings, description, mapping, backbone, model)
    seconds = time.monotonic() - started
    return TrainedModel(
        folder=folder,
        iterations=done,
        loss=loss,
        seconds=seconds,
        seconds_encoding=learner.views.seconds,
        strength=chosen,
    )


def _strength(
    learner: AdaptationLearner,
    description: DatasetDescription,
    holdout: str | None,
    settings: AdaptationSettings,
    backbone: Backbone,
    cache_dir: Path,
) -> float:
    """Return the share of what was learned that is kept; all of it without a hold-out."""
    if holdout is None:
        return 1.0
    # Labels with too few corrections to learn from count where the hold-out shows them.
    mapping = map_labels(description, "fully", background="negative")
    ids = description.ids(holdout)
    views = AdaptationViews(
        description=description,
        ids=ids,
        mapping=mapping,
        backbone=backbone,
        target_stride=settings.target_stride,
        cache_dir=cache_dir,
    )
    names = [one.name for one in mapping.classes]
    tried = StrengthTrial(learner=learner, holdout=views, holdout_ids=ids, names=names).run()
    return choose(tried, smallest_kept=settings.smallest_kept).strength


def _learner(
    settings: AdaptationSettings,
    description: DatasetDescription,
    split: str,
    mapping: LabelMapping,
    backbone: Backbone,
    cache_dir: Path,
) -> AdaptationLearner:
    if backbone.none_cosine is None:
        raise ConfigurationError(
            f"{backbone.name} was not trained on patches: adapt zegclip-mini, or train a decoder for it"
        )
    text, owners = TextBank(backbone=backbone, cache_dir=cache_dir / "text").embed(
        class_labels(mapping.classes, "all")
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        adaptation = Adaptation(
            text=text,
            logit_scale=backbone.logit_scale,
            none_cosine=backbone.none_cosine,
            hidden=settings.hidden,
        ).to(backbone.device)
    views = AdaptationViews(
        description=description,
        ids=description.ids(split),
        mapping=mapping,
        backbone=backbone,
        target_stride=settings.target_stride,
        cache_dir=cache_dir,
    )
    if not views.by_label:
        raise ConfigurationError(f"{description.name}: no image of split {split!r} shows a label to learn")
    return AdaptationLearner(
        adaptation=adaptation,
        untrained=copy.deepcopy(adaptation),
        text=text,
        owners=owners,
        labels=len(mapping.classes),
        unseen=mapping.unseen,
        with_none=description.background is not None,
        views=views,
        settings=settings,
    )


def _fingerprint(
    settings: AdaptationSettings, description: DatasetDescription, split: str, backbone: Backbone
) -> str:
    document = {
        "settings": asdict(replace(settings, save_every=1)),
        "data": description.to_document(),
        "ids": description.ids(split),
        "backbone": backbone.digest,
        "sizes": asdict(backbone.sizes),
    }
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _save(
    folder: Path,
    adaptation: Adaptation,
    strength: float,
    settings: AdaptationSettings,
    description: DatasetDescription,
    mapping: LabelMapping,
    backbone: Backbone,
    model: str,
) -> None:
    facts = AdaptationFacts(
        name=f"{backbone.name}+{description.name}",
        backbone=BackboneReference(notation=model, digest=backbone.digest),
        sizes=backbone.sizes,
        words=tuple(clean_word(word) for one in mapping.classes for word in one.prompts),
        hidden=settings.hidden,
        seen=tuple(mapping.classes[query].name for query in mapping.seen),
        recipe={**asdict(settings), "strength": strength},
    )
    save_adaptation(folder, adaptation, facts)
