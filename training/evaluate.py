"""Score a model on a split by the generalised zero-shot protocol: all classes compete, seen and unseen."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from training.dataset_description import DatasetClass, DatasetDescription
from training.dataset_files import read_image, read_mask
from training.errors import EvaluationError
from training.metrics import ConfusionMatrix, Scores
from training.samples import require_files
from training.scorer import ClassScorer
from training.setting_groups import EvaluationSettings
from training.words import class_labels
from zegclip_core.segmenter import Segmenter

IGNORED_TARGET = -1
LabelMap = NDArray[np.int64]
ScoringWords = Literal["names", "first", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """What a model reached on a split.

    Attributes:
        model: its version.
        dataset: the data set's name.
        split: the split's name.
        unseen: names of the classes that count as unseen.
        classes: all counted classes; `scores.per_class` follows their order.
        scores: all figures.
        by_image: mean IoU of the classes in each image, worst first.
        seconds: what it took.

    """

    model: str
    dataset: str
    split: str
    unseen: tuple[str, ...]
    classes: tuple[DatasetClass, ...]
    scores: Scores
    by_image: tuple[tuple[str, float], ...]
    seconds: float

    def to_document(self) -> dict[str, Any]:
        """Return the figures as JSON has them: percent, and null where there is nothing to average."""
        per_class = {
            one.name: _number(self.scores.per_class[place]) for place, one in enumerate(self.classes)
        }
        return {
            "pAcc": _number(self.scores.p_acc),
            "mIoU": _number(self.scores.m_iou),
            "mIoU_seen": _number(self.scores.m_iou_seen),
            "mIoU_unseen": _number(self.scores.m_iou_unseen),
            "hIoU": _number(self.scores.h_iou),
            "per_class": per_class,
        }


def evaluate(
    segmenter: Segmenter,
    dataset: Path | DatasetDescription,
    split: str,
    *,
    unseen: Sequence[str] | None = None,
    settings: EvaluationSettings | None = None,
    words: ScoringWords = "all",
    background: bool | None = None,
    ids: Sequence[str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> EvaluationResult:
    """Score a model on the images of a split.

    Args:
        segmenter: the model.
        dataset: a description, `dataset.json` or its folder.
        split: one of its splits.
        unseen: names of unseen classes in place of the data set's own.
        settings: sizes and windows as in a recipe; without them the model sees images as predictions do.
        words: what stands for a class: its plain name, its first prompt word, or the best of all of them.
        background: whether background pixels count, as a class of their own; False leaves them out, as the
            papers do; None counts them when the data set has them.
        ids: these images of the split only.
        progress: told the number of images done and the number of all.

    Raises `DatasetError` and its kinds, `EvaluationError` for a data set without classes or images to score.

    """
    started = time.monotonic()
    description = dataset if isinstance(dataset, DatasetDescription) else DatasetDescription.load(dataset)
    require_files(description, split)
    counted = background_counts(description, background)
    scored = split_ids(description, split, ids)
    scorer = make_scorer(segmenter, description, settings=settings, words=words, with_none=counted)
    classes = counted_classes(description, counted)
    table = target_table(description, classes)
    matrix = ConfusionMatrix(len(classes))
    by_image = []
    for done, image_id in enumerate(scored, start=1):
        image = read_image(description, image_id)
        target = table[read_mask(description, image_id, shape=(image.shape[0], image.shape[1]))]
        prediction = scorer.predict(image)
        matrix.update(prediction, target, IGNORED_TARGET)
        by_image.append((image_id, image_score(prediction, target, len(classes))))
        if progress:
            progress(done, len(scored))
    hidden = description.unseen_indices(unseen)
    return EvaluationResult(
        model=segmenter.model_version,
        dataset=description.name,
        split=split,
        unseen=tuple(one.name for one in classes if one.index in hidden),
        classes=classes,
        scores=matrix.scores(unseen=[n for n, one in enumerate(classes) if one.index in hidden]),
        by_image=tuple(sorted((one for one in by_image if not math.isnan(one[1])), key=lambda one: one[1])),
        seconds=time.monotonic() - started,
    )


def background_counts(description: DatasetDescription, wish: bool | None) -> bool:
    """Whether background pixels count; raises `EvaluationError` when they shall and there are none."""
    if wish and description.background is None:
        raise EvaluationError(
            f"{description.name} has no background class: mark one in dataset.json, or leave --background out"
        )
    return description.background is not None if wish is None else wish


def split_ids(description: DatasetDescription, split: str, ids: Sequence[str] | None) -> tuple[str, ...]:
    """Return the images to score; raises `EvaluationError` for ids that are not in the split."""
    known = description.ids(split)
    unknown = sorted(set(ids or ()) - set(known))
    if unknown:
        raise EvaluationError(f"{unknown[0]!r} is no image of split {split!r} of {description.name}")
    return known if ids is None else tuple(ids)


def counted_classes(description: DatasetDescription, background: bool) -> tuple[DatasetClass, ...]:
    """Return the classes in the order of the confusion matrix: the foreground, then the background."""
    last = (description.background,) if background and description.background else ()
    return (*description.foreground, *last)


def target_table(description: DatasetDescription, classes: Sequence[DatasetClass]) -> LabelMap:
    """Return the place of each mask value (65536,), `IGNORED_TARGET` for values that count nowhere."""
    return place_table({one.index: place for place, one in enumerate(classes)})


def place_table(places: Mapping[int, int]) -> LabelMap:
    """Return the place of each mask value (65536,), `IGNORED_TARGET` for values without one."""
    table = np.full(1 << 16, IGNORED_TARGET, dtype=np.int64)
    for index, place in places.items():
        table[index] = place
    return table


def make_scorer(
    segmenter: Segmenter,
    description: DatasetDescription,
    *,
    settings: EvaluationSettings | None,
    words: ScoringWords,
    with_none: bool,
) -> ClassScorer:
    """Return what paints images with the foreground classes of a data set."""
    return ClassScorer(
        segmenter=segmenter,
        classes=class_labels(description.foreground, words),
        settings=settings,
        with_none=with_none,
    )


def image_score(prediction: LabelMap, target: LabelMap, classes: int) -> float:
    """Return the mean IoU in percent of one image's classes; NaN for an image without labelled pixels."""
    matrix = ConfusionMatrix(classes)
    matrix.update(prediction, target, IGNORED_TARGET)
    return matrix.scores().m_iou


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
