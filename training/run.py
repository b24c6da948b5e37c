"""A whole training run in one folder: prepare, learn phase by phase, save, and go on after a kill."""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch.utils.data import Dataset

from training.batches import batches, open_samples
from training.checkpoint_files import find_start, save_model, start_model
from training.configuration import TrainingConfiguration
from training.dataset_description import DatasetDescription
from training.errors import RunStoppedError, TrainingStateError
from training.fingerprint import run_fingerprint
from training.fitting import require_fitting_views
from training.label_mapping import map_labels
from training.learner import Learner
from training.models import fresh_model, load_learned
from training.phases import PhasePlan, plan_phases
from training.pictures import draw_losses
from training.processes import ALONE, Processes
from training.progress import Listener, Progress, Question
from training.run_files import (
    LOSS_PICTURE,
    MODEL_FOLDER,
    SAMPLE_PICTURE,
    RunLog,
    explain_full_disk,
    load_state,
    read_losses,
    save_state,
)
from training.sample_picture import draw_samples
from training.samples import Sample, require_files
from training.words import class_text
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import parse_notation
from zegclip_core.checkpoints.compact import learned_tensors
from zegclip_core.devices import choose_device
from zegclip_core.zegclip.model import ZegCLIP

CACHE_FOLDER = "cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """What a run ended with.

    Attributes:
        folder: the compact checkpoint; `build_segmenter(str(folder))` loads it.
        iterations: optimiser steps of the whole run.
        loss: of the last step.
        seconds: spent in steps since the run was last (re)started.
        seconds_encoding: how much of it went into features of images, where that is known.
        strength: the share of what was learned that is kept.

    """

    folder: Path
    iterations: int
    loss: float
    seconds: float
    seconds_encoding: float = 0.0
    strength: float = 1.0


def train(
    configuration: TrainingConfiguration,
    *,
    dataset: Path,
    out: Path,
    start_from: Path | str | None = None,
    device: str = "auto",
    cache_dir: Path | None = None,
    backbone: Backbone | None = None,
    processes: Processes = ALONE,
    progress: Listener | None = None,
    should_stop: Question | None = None,
) -> TrainedModel:
    """Train a model, or go on with the run that `out` holds; both give bit-identical weights.

    Args:
        configuration: of the run.
        dataset: `dataset.json` or its folder.
        out: the run's folder; a finished run in it is returned as it is.
        start_from: a compact checkpoint whose weights the run starts from: its folder, or the name of one
            that comes with the package.
        device: auto, cpu, cuda or cuda:0.
        cache_dir: where features of frozen parts and words are kept; by default inside `out`.
        backbone: a loaded backbone; by default the one that the configuration names is loaded.
        processes: that train this run together, all with the same arguments and the same `out`; the first one
            writes the files and is told the progress.
        progress: told after every step.
        should_stop: asked after every step; True saves the state and raises `RunStoppedError`.

    Raises `ConfigurationError`, `DatasetError` and its kinds before the first step, `TrainingStateError` for
    a damaged state or one of another run, `StartModelError`, `DivergedError`, `DiskFullError`, `ModelError`.

    """
    description = DatasetDescription.load(dataset)
    require_files(description, configuration.data.train_split)
    with explain_full_disk(out):
        out.mkdir(parents=True, exist_ok=True)
    if backbone is None:
        notation = parse_notation(configuration.model.backbone)
        backbone = load_backbone(notation, cache_dir=cache_dir, device=choose_device(device))
    require_fitting_views(configuration, backbone)
    start = find_start(start_from) if start_from else None
    start_digest = None
    model = fresh_model(backbone, configuration.model, seed=configuration.seed)
    if start:
        start_digest = start_model(model, start, backbone).digest
    run = _Run(
        configuration=configuration,
        description=description,
        backbone=backbone,
        model=model,
        out=out,
        cache_dir=cache_dir or out / CACHE_FOLDER,
        fingerprint=run_fingerprint(configuration, description, start_digest),
        processes=processes,
        progress=progress or (lambda _: None),
        should_stop=should_stop or (lambda: False),
    )
    return run.finish()


class _Run:
    """A run between two states on disk."""

    def __init__(
        self,
        *,
        configuration: TrainingConfiguration,
        description: DatasetDescription,
        backbone: Backbone,
        model: ZegCLIP,
        out: Path,
        cache_dir: Path,
        fingerprint: str,
        processes: Processes,
        progress: Listener,
        should_stop: Question,
    ) -> None:
        self.configuration = configuration
        self.description = description
        self.backbone = backbone
        self.model = model
        self.out = out
        self.cache_dir = cache_dir
        self.fingerprint = fingerprint
        self.processes = processes
        self.progress = progress
        self.should_stop = should_stop
        self.plans = plan_phases(configuration)
        self.done, self.loss = 0, math.nan
        self.learner_state: Mapping[str, Any] | None = None
        self.started = time.monotonic()

    @property
    def iterations(self) -> int:
        """Steps of the whole run."""
        return self.plans[-1].end

    def finish(self) -> TrainedModel:
        """Do what is left of the run and write the model."""
        self._resume()
        self.first, self.started = self.done, time.monotonic()
        if self.processes.is_first:
            self.log = RunLog(self.out, iteration=self.done)
        for plan in self.plans:
            if self.done < plan.end:
                self._learn(plan)
        seconds = time.monotonic() - self.started
        folder = self.out / MODEL_FOLDER
        if self.processes.is_first:
            self._write_model(folder)
        self.processes.wait()
        return TrainedModel(folder=folder, iterations=self.done, loss=self.loss, seconds=seconds)

    def _write_model(self, folder: Path) -> None:
        with explain_full_disk(folder):
            save_model(
                folder,
                self.model,
                backbone=self.backbone,
                configuration=self.configuration,
                description=self.description,
                loss=self.loss,
            )
            draw_losses(read_losses(self.out)).save(self.out / LOSS_PICTURE)
            samples = draw_samples(
                self.model,
                backbone=self.backbone,
                configuration=self.configuration,
                description=self.description,
            )
            samples.save(self.out / SAMPLE_PICTURE)

    def _resume(self) -> None:
        state = load_state(self.out)
        done = int(state["iteration"]) if state else 0
        if not self.processes.agree(done, device=self.backbone.device):
            raise TrainingStateError(
                f"{self.out} is not the same folder for all processes: give one that all of them share"
            )
        if state is None:
            return
        if state["fingerprint"] != self.fingerprint:
            raise TrainingStateError(
                f"{self.out} holds a run with other settings, data or start: give another folder, or repeat "
                "the settings it was started with to go on"
            )
        load_learned(self.model, state["model"], origin=self.out)
        self.done, self.loss = done, float(state["loss"])
        self.learner_state = state["learner"]

    def _learn(self, plan: PhasePlan) -> None:
        """Take the steps of a phase that are not done yet."""
        samples, learner = self._prepare(plan)
        first = self.done - plan.first
        if first and self.learner_state is not None:
            learner.restore(self.learner_state)
        shares = batches(samples, plan, self.configuration, first=first, processes=self.processes)
        for step, batch in enumerate(shares, start=first):
            self.loss = learner.step(step, batch)
            self.done = plan.first + step + 1
            if self.processes.is_first:
                self._report(plan, learner.rate(step))
            stop = self.processes.any(self.should_stop(), device=self.backbone.device)
            stop = stop and self.done < self.iterations
            if stop or self.done == plan.end or self.done % self.configuration.optimisation.save_every == 0:
                self._save(learner)
            if stop:
                raise RunStoppedError(
                    f"stopped after {self.done} of {self.iterations} steps: the same call with {self.out} "
                    "goes on from there"
                )

    def _prepare(self, plan: PhasePlan) -> tuple[Dataset[Sample], Learner]:
        data = self.configuration.data
        mapping = map_labels(self.description, plan.phase, background=data.background)
        samples = open_samples(
            self.configuration,
            description=self.description,
            mapping=mapping,
            model=self.model,
            backbone=self.backbone,
            cache_dir=self.cache_dir,
        )
        text = class_text(
            mapping.classes, backbone=self.backbone, settings=data, cache_dir=self.cache_dir / "text"
        )
        self.model.train()
        learner = Learner(
            model=self.model,
            configuration=self.configuration,
            plan=plan,
            mapping=mapping,
            text=text,
            processes=self.processes,
        )
        return samples, learner

    def _report(self, plan: PhasePlan, rate: float) -> None:
        pace = (time.monotonic() - self.started) / (self.done - self.first)
        progress = Progress(
            phase=plan.phase,
            iteration=self.done,
            iterations=self.iterations,
            loss=self.loss,
            learning_rate=rate,
            seconds_left=pace * (self.iterations - self.done),
        )
        self.log.add(progress)
        self.progress(progress)

    def _save(self, learner: Learner) -> None:
        if not self.processes.is_first:
            return
        save_state(
            self.out,
            {
                "fingerprint": self.fingerprint,
                "iteration": self.done,
                "loss": self.loss,
                "model": learned_tensors(self.model),
                "learner": learner.state(),
            },
        )
