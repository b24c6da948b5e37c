"""What is left of an evaluation for people: a table, a file, and pictures of the worst and the best."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from training.dataset_description import DatasetDescription
from training.dataset_files import read_image, read_mask
from training.evaluate import (
    IGNORED_TARGET,
    EvaluationResult,
    ScoringWords,
    counted_classes,
    make_scorer,
    target_table,
)
from training.pictures import draw_comparison
from training.run_files import explain_full_disk
from training.setting_groups import EvaluationSettings
from zegclip_core.atomic_files import write_atomically
from zegclip_core.segmenter import Segmenter

SCORES_FILE = "scores.json"
PICTURE_FILE = "worst-and-best.png"


def per_class_table(result: EvaluationResult) -> str:
    """Return all figures in percent, a line for each class, then the means; "-" where nothing was counted."""
    scores = result.scores
    width = max(len(one.name) for one in result.classes) + 2
    lines = [f"{result.model} on {result.dataset}, split {result.split}, {len(result.by_image)} images"]
    for place, one in enumerate(result.classes):
        mark = "  unseen" if one.name in result.unseen else ""
        lines.append(f"{one.name:<{width}}{_percent(scores.per_class[place]):>6}{mark}")
    means = (
        ("pAcc", scores.p_acc),
        ("mIoU", scores.m_iou),
        ("mIoU(S)", scores.m_iou_seen),
        ("mIoU(U)", scores.m_iou_unseen),
        ("hIoU", scores.h_iou),
    )
    lines += [f"{name:<{width}}{_percent(value):>6}" for name, value in means]
    return "\n".join(lines)


def write_report(
    folder: Path,
    result: EvaluationResult,
    *,
    segmenter: Segmenter,
    description: DatasetDescription,
    settings: EvaluationSettings | None,
    words: ScoringWords,
    pictures: int,
) -> None:
    """Write `scores.json` and `worst-and-best.png`: photograph, mask, prediction. Raises `DiskFullError`."""
    chosen = dict([*result.by_image[:pictures], *result.by_image[-pictures:]] if pictures else [])
    with explain_full_disk(folder):
        document = json.dumps(result.to_document(), indent=1)
        write_atomically(folder / SCORES_FILE, document.encode())
        if chosen:
            picture = draw_predictions(
                segmenter,
                description,
                list(chosen),
                settings=settings,
                words=words,
                background=any(one.is_background for one in result.classes),
                captions=[f"{one}  mIoU {score:.1f}" for one, score in chosen.items()],
            )
            picture.save(folder / PICTURE_FILE)


def draw_predictions(
    segmenter: Segmenter,
    description: DatasetDescription,
    ids: Sequence[str],
    *,
    settings: EvaluationSettings | None,
    words: ScoringWords,
    background: bool = True,
    captions: Sequence[str] | None = None,
) -> Image.Image:
    """Draw images of a data set with their masks and what a model makes of them.

    Args:
        segmenter: the model.
        description: the data set.
        ids: the images, from the top.
        settings: how images are looked at; as predictions do when None.
        words: what stands for a class.
        background: whether "none of the classes" can win, where the data set has a background.
        captions: a line above each image, by default its id.

    """
    classes = counted_classes(description, background)
    with_none = any(one.is_background for one in classes)
    scorer = make_scorer(segmenter, description, settings=settings, words=words, with_none=with_none)
    table = target_table(description, classes)
    rows = []
    for caption, image_id in zip(captions or ids, ids, strict=True):
        image = read_image(description, image_id)
        truth = table[read_mask(description, image_id)]
        rows.append((caption, image, truth, scorer.predict(image)))
    return draw_comparison(rows, classes=len(description.foreground), ignored=IGNORED_TARGET)


def _percent(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"
