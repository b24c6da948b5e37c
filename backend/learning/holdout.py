"""What a model reaches on a project's hold-out, what a faster engine loses there, what is lost elsewhere."""

from collections.abc import Mapping
from pathlib import Path

from backend.learning.dataset_export import HOLDOUT, TRAIN, ExportedDataset
from backend.learning.stages import Report, StageProgress
from training.evaluate import evaluate
from training.kept_labels import kept_labels
from training.registry.manifest import mean_iou
from zegclip_core.engines.precision import EngineWish
from zegclip_core.segmenter import Segmenter, build_segmenter

IouByLabel = dict[str, float | None]


class Holdout:
    """The corrections of a run that only decide.

    Args:
        exported: the run's data set.
        model: notation of the base model.
        cache_dir: where weights and conversions are kept.
        device: auto, cpu or cuda.
        report: told how far a comparison is.

    """

    def __init__(
        self,
        *,
        exported: ExportedDataset,
        model: str,
        cache_dir: Path | None,
        device: str,
        report: Report,
    ) -> None:
        self._exported = exported
        self._model = model
        self._cache_dir = cache_dir
        self._device = device
        self._report = report

    def score(self, model: Path | None) -> IouByLabel:
        """IoU by label in percent, as predictions on PyTorch would show it; empty without a hold-out.

        Args:
            model: a version's checkpoint; None for the base model.

        """
        return self._score(self._load(model, "torch")) if self._exported.holdout else {}

    def engine_losses(
        self, model: Path, reference: Mapping[str, float | None], engine: EngineWish
    ) -> dict[str, float]:
        """Points of mIoU that a version loses on the engine of this machine, by the engine's name.

        Empty without a hold-out, and where the version would run on PyTorch anyway.

        Args:
            model: the version's checkpoint.
            reference: its IoU on PyTorch.
            engine: what the operator wishes for.

        """
        expected = mean_iou(reference)
        if engine == "torch" or expected is None:
            return {}
        segmenter = self._load(model, "auto")
        name = segmenter.head.tower.engine_name
        found = None if name == "torch" else mean_iou(self._score(segmenter))
        return {} if found is None else {name: round(expected - found, 3)}

    def kept(self, model: Path, champion: Path | None) -> dict[str, float]:
        """Of labels without corrections, the share (0 to 1) that a version keeps where the champion is sure.

        Looked for on the images without correction; empty without such labels or images.

        Args:
            model: the version's checkpoint.
            champion: that of the model in service; None for the base model.

        """
        exported = self._exported
        if not exported.unlabelled:
            return {}
        return kept_labels(
            self._load(champion, "torch"),
            self._load(model, "torch"),
            exported.description,
            ids=exported.description.ids(TRAIN)[exported.train :],
            names=exported.description.unseen,
            progress=self._tell,
        )

    def _load(self, model: Path | None, engine: EngineWish) -> Segmenter:
        notation = self._model if model is None else str(model)
        return build_segmenter(notation, cache_dir=self._cache_dir, device=self._device, engine=engine)

    def _score(self, segmenter: Segmenter) -> IouByLabel:
        result = evaluate(
            segmenter,
            self._exported.description,
            HOLDOUT,
            progress=self._tell,
        )
        by_label: IouByLabel = result.to_document()["per_class"]
        return {label.name: by_label[label.name] for label in self._exported.labels}

    def _tell(self, done: int, total: int) -> None:
        self._report(StageProgress(stage="comparing", done=done, total=total))
