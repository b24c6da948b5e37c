"""From corrections to a version: read, train, compare, publish. Everything before the end can be repeated."""

import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch

from backend.learning.dataset_export import NotEnoughSamplesError
from backend.learning.holdout import Holdout, IouByLabel
from backend.learning.ingest import Ingest
from backend.learning.preparation import Preparation, Prepared, data_digest, load_prepared
from backend.learning.project_folder import ProjectFolder
from backend.learning.project_labels import painted_targets, project_labels
from backend.learning.recipe import TrainingPlan, plan_training
from backend.learning.run_plan import run_plan
from backend.learning.sample_store import SampleStore, mask_digests, new_corrections
from backend.learning.stages import Report, StageProgress
from training.errors import StartModelError, TrainingStateError
from training.fence import Fence, TrainingFence
from training.gate import GateSettings, Verdict, judge
from training.progress import Progress
from training.registry.manifest import VersionFacts
from training.registry.registry import Version
from training.run import TrainedModel
from zegclip_core.backbones.notation import model_version, parse_notation
from zegclip_core.checkpoints.loading import learned_on
from zegclip_core.engines.precision import EngineWish

TRAINING_FOLDER = "training"
_log = logging.getLogger(__name__)
Outcome = Literal["promoted", "candidate", "nothing new", "not enough"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What a project's training came to.

    Attributes:
        outcome: whether a version was published, and whether it serves.
        reason: in words.
        version: its number, where one was published.

    """

    outcome: Outcome
    reason: str
    version: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerSettings:
    """What the operator chose for trainings.

    Attributes:
        model: notation of the base model.
        device: auto, cpu or cuda.
        cache_dir: where weights and features of words are kept.
        engine: on which versions shall be painted; what it loses on the hold-out is measured.
        iterations: optimiser steps; 0 chooses by machine.
        gate: what counts as better.
        keep_versions: versions kept beside champion and previous.

    """

    model: str
    device: str = "auto"
    cache_dir: Path | None = None
    engine: EngineWish = "torch"
    iterations: int = 0
    gate: GateSettings
    keep_versions: int = 5


class ProjectTrainer:
    """Trains one project's model; at most one process at a time does.

    Args:
        folder: the project's learning folder.
        ingest: reads corrections.
        preparation: freezes them.
        settings: what the operator chose.
        fence: keeps others from training the project meanwhile; by default a lock of this machine.
        report: told what is going on.
        should_stop: asked after every step; True saves the run and raises `RunStoppedError`.

    """

    def __init__(
        self,
        *,
        folder: ProjectFolder,
        ingest: Ingest,
        preparation: Preparation,
        settings: TrainerSettings,
        fence: Fence | None = None,
        report: Report = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._folder = folder
        self._ingest = ingest
        self._preparation = preparation
        self._settings = settings
        self._fence = fence or TrainingFence(folder=folder.path)
        self._report = report
        self._should_stop = should_stop
        self._base = model_version(parse_notation(settings.model))

    def run(self, name: str, *, events: tuple[int, int] = (0, 0), period: str = "") -> TrainingResult:
        """Train, or go on with the run of this name; a run that has published already is only finished.

        Args:
            name: the run's; the same for every try of one cause.
            events: numbers of the newest event and of the newest press of the button that this run answers.
            period: of the schedule that this run answers.

        Raises `FenceHeldError` while another process trains the project, `RunStoppedError` when asked to
        stop, `LostFenceError`, `LabelStudioError`, `DiskFullError` and training's other errors.

        """
        with self._fence as fence:
            run = self._folder.runs / name
            prepared: Prepared | TrainingResult | None = load_prepared(run)
            version = self._folder.registry.find_run(name)
            if version is None:
                if prepared is None:
                    answered = {"last_period": period} if period else {}
                    self._folder.update_state(starts_read=events[1], **answered)
                    prepared = self._prepare(run, events[0])
                if isinstance(prepared, TrainingResult):
                    return self._close(prepared, run, None)
                version = self._make_version(name, run, prepared, fence)
            known = prepared if isinstance(prepared, Prepared) else None
            return self._close(self._put_into_service(version), run, known)

    def _prepare(self, run: Path, event: int) -> Prepared | TrainingResult:
        """Bring samples up to date and freeze them, or tell why there is nothing to train."""
        self._report(StageProgress(stage="reading corrections"))
        self._ingest.run(
            events_read=event,
            progress=lambda done, total: self._report(
                StageProgress(stage="reading corrections", done=done, total=total)
            ),
        )
        config = self._preparation.config()
        masks = mask_digests(SampleStore(files=self._folder.samples).samples())
        if self._folder.state.trained_on == data_digest(masks, project_labels(painted_targets(config))):
            return TrainingResult(outcome="nothing new", reason="no correction came since the last training")
        try:
            prepared = self._preparation.make(run, config)
            self._folder.update_state(trained_masks=dict(prepared.masks), new_corrections=0)
            return prepared
        except NotEnoughSamplesError as error:
            return TrainingResult(outcome="not enough", reason=str(error))

    def _make_version(self, name: str, run: Path, prepared: Prepared, fence: Fence) -> Version:
        started = time.monotonic()
        plan = self._plan(prepared)
        try:
            trained = self._train(plan, run, prepared)
        except (TrainingStateError, StartModelError) as error:
            # A damaged state, or a version from a machine with another recipe: better a new start than none.
            _log.warning("project %s: training starts afresh: %s", self._folder.key, error)
            shutil.rmtree(run / TRAINING_FOLDER, ignore_errors=True)
            plan = self._plan(replace(prepared, parent=None))
            trained = self._train(plan, run, prepared)
        champion = self._folder.registry.champion()
        learned = time.monotonic()
        holdout = self._holdout(prepared)
        iou = holdout.score(trained.folder)
        served = champion.model_folder if champion else None
        champion_iou = holdout.score(served)
        kept = holdout.kept(trained.folder, served)
        engine_losses = holdout.engine_losses(trained.folder, iou, self._settings.engine)
        verdict = judge(
            iou,
            champion_iou,
            holdout=prepared.exported.holdout,
            kept=kept,
            settings=self._settings.gate,
        )
        compared = time.monotonic()
        self._report(StageProgress(stage="publishing"))
        facts = self._facts(name, prepared, verdict, iou, champion_iou)
        facts = replace(
            facts,
            training={
                "mode": plan.mode,
                "images": prepared.exported.train,
                "unlabelled_images": prepared.exported.unlabelled,
                "iterations": trained.iterations,
                "strength": trained.strength,
                "seconds_encoding": round(trained.seconds_encoding, 1),
                "seconds_training": round(learned - started, 1),
                "seconds_comparing": round(compared - learned, 1),
            },
            kept=kept,
            engine_losses=engine_losses,
        )
        return self._folder.registry.publish(trained.folder, facts, still_valid=fence.require_newest)

    def _plan(self, prepared: Prepared) -> TrainingPlan:
        registry = self._folder.registry
        parent = None if prepared.parent is None else registry.verified(prepared.parent)
        fits = parent is not None and parent.facts.base == self._base
        return plan_training(
            prepared.exported,
            backbone=learned_on(self._settings.model),
            champion=parent.model_folder if parent is not None and fits else None,
            has_cuda=self._settings.device != "cpu" and torch.cuda.is_available(),
            iterations=self._settings.iterations,
        )

    def _train(self, plan: TrainingPlan, run: Path, prepared: Prepared) -> TrainedModel:
        return run_plan(
            plan,
            model=learned_on(self._settings.model),
            dataset=prepared.exported.description.root,
            out=run / TRAINING_FOLDER,
            device=self._settings.device,
            cache_dir=self._settings.cache_dir,
            progress=self._tell,
            should_stop=self._should_stop,
        )

    def _holdout(self, prepared: Prepared) -> Holdout:
        return Holdout(
            exported=prepared.exported,
            model=self._settings.model,
            cache_dir=self._settings.cache_dir,
            device=self._settings.device,
            report=self._report,
        )

    def _facts(
        self,
        name: str,
        prepared: Prepared,
        verdict: Verdict,
        iou: IouByLabel,
        champion_iou: IouByLabel,
    ) -> VersionFacts:
        exported = prepared.exported
        return VersionFacts(
            run=name,
            created_at=time.time(),
            base=self._base,
            parent=prepared.parent,
            labels={label.name: label.prompts for label in exported.labels},
            seen=exported.seen,
            corrections=len(prepared.masks),
            holdout=exported.holdout,
            iou=iou,
            champion_iou=champion_iou,
            promoted=verdict.promoted,
            reason=verdict.reason,
        )

    def _put_into_service(self, version: Version) -> TrainingResult:
        registry = self._folder.registry
        served = {entry["champion"] for entry in registry.aliases.history}
        if version.facts.promoted and version.number not in served:
            registry.promote(version.number, why=version.facts.reason)
        registry.prune(keep=self._settings.keep_versions)
        outcome: Outcome = "promoted" if version.facts.promoted else "candidate"
        return TrainingResult(outcome=outcome, reason=version.facts.reason, version=version.number)

    def _close(self, result: TrainingResult, run: Path, prepared: Prepared | None) -> TrainingResult:
        """Write down what was answered, and remove the run's files."""
        masks = mask_digests(SampleStore(files=self._folder.samples).samples())
        changes: dict[str, object] = {"last_result": f"{result.outcome}: {result.reason}"}
        if prepared is not None:
            changes |= {
                "trained_masks": dict(prepared.masks),
                "trained_on": prepared.digest,
                "trained_at": time.time(),
                "new_corrections": new_corrections(masks, prepared.masks),
            }
        elif result.outcome == "not enough":
            # More of the same number of corrections has to come before the next try.
            changes |= {"trained_masks": masks, "new_corrections": 0}
        self._folder.update_state(**changes)
        shutil.rmtree(run, ignore_errors=True)
        return result

    def _tell(self, progress: Progress) -> None:
        self._report(
            StageProgress(
                stage="training",
                done=progress.iteration,
                total=progress.iterations,
                seconds_left=progress.seconds_left,
                loss=progress.loss,
            )
        )
