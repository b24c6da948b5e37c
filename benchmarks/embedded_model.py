"""What the embedded model reaches on a data set, the way its card counts: no refinement, no cleaning.

    python -m benchmarks.embedded_model DATA                      the split val_dev, plain class names
    python -m benchmarks.embedded_model DATA --resampling bicubic as the card's figures were measured
    python -m benchmarks.embedded_model DATA --long-side 512      seen larger
    python -m benchmarks.embedded_model DATA --words all          the best of all prompt words of a class

mIoU without background lets the words alone compete on the pixels of objects; mIoU with background adds the
learned "none of these". Both are means over the classes that occur in the masks. Classes that fewer than
eight photographs show are also averaged apart: there a single photograph decides.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from training.dataset_description import DatasetClass, DatasetDescription
from training.dataset_files import read_image, read_mask
from training.evaluate import (
    IGNORED_TARGET,
    ScoringWords,
    counted_classes,
    make_scorer,
    target_table,
)
from training.metrics import ConfusionMatrix, Scores
from zegclip_core.segmenter import Segmenter, SegmenterOptions, build_segmenter
from zegclip_core.windows import plan_windows

FEW = 8
WORDS: dict[str, ScoringWords] = {"names": "first", "first": "first", "all": "all"}
# Names that PASCAL VOC writes in one word.
PLAIN_NAMES = {"diningtable": "dining table", "pottedplant": "potted plant", "tvmonitor": "tv monitor"}


def main() -> None:
    """Print both figures and the classes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="voc_subset")
    parser.add_argument("--model", default="zegclip-mini")
    parser.add_argument("--split", default="val_dev")
    parser.add_argument("--words", choices=WORDS, default="names")
    parser.add_argument("--long-side", type=int, help="pixels; the model's own by default")
    parser.add_argument("--resampling", choices=("own", "bicubic"), default="own")
    options = parser.parse_args()
    description = DatasetDescription.load(options.data)
    if options.words == "names":
        description = with_plain_names(description)
    segmenter = build_segmenter(
        options.model, device="cpu", options=SegmenterOptions(long_side=options.long_side)
    )
    words, background = (
        score(
            segmenter,
            description,
            options.split,
            words=WORDS[options.words],
            background=counted,
            bicubic=options.resampling == "bicubic",
        )
        for counted in (False, True)
    )
    print(f"{segmenter.model_version}, {options.split}, torch {torch.__version__}")
    print(f"mIoU of the words present: {words.m_iou:.1f}")
    print(f"mIoU with background:      {background.m_iou:.1f}")
    shown = photographs_of_classes(description, options.split)
    places = range(len(description.foreground))
    many = [place for place in places if shown[place] >= FEW]
    few = [place for place in places if 0 < shown[place] < FEW]
    for title, chosen in ((f"{FEW} photographs or more", many), ("fewer", few)):
        means = [_mean(scores, chosen) for scores in (words, background)]
        print(f"classes with {title}: {len(chosen)}, mean {means[0]:.1f}, with background {means[1]:.1f}")
    for place, one in enumerate(description.foreground):
        alone, with_none = words.per_class[place], background.per_class[place]
        print(f"{one.name:<14} {alone:5.1f} {with_none:5.1f}  ({shown[place]} photographs)")


def photographs_of_classes(description: DatasetDescription, split: str) -> list[int]:
    """Return how many photographs of a split show each class, background left out."""
    shown = [np.unique(read_mask(description, image_id)) for image_id in description.ids(split)]
    return [sum(one.index in values for values in shown) for one in description.foreground]


def _mean(scores: Scores, places: Sequence[int]) -> float:
    return float(np.mean([scores.per_class[place] for place in places])) if places else float("nan")


def score(
    segmenter: Segmenter,
    description: DatasetDescription,
    split: str,
    *,
    words: ScoringWords = "first",
    background: bool,
    bicubic: bool = False,
    limit: int | None = None,
) -> Scores:
    """Score a split; with `bicubic`, photographs are resized by Pillow's bicubic filter before the model."""
    scorer = make_scorer(segmenter, description, settings=None, words=words, with_none=background)
    classes = counted_classes(description, background)
    table = target_table(description, classes)
    matrix = ConfusionMatrix(len(classes))
    for image_id in description.ids(split)[:limit]:
        image = read_image(description, image_id)
        size = (image.shape[0], image.shape[1])
        target = table[read_mask(description, image_id, shape=size)]
        seen = resized_bicubic(segmenter, image) if bicubic else image
        matrix.update(scorer.predict(seen, size=size), target, IGNORED_TARGET)
    return matrix.scores()


def resized_bicubic(segmenter: Segmenter, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Resize a photograph (H, W, 3) to the size that the model sees it at."""
    sizes = segmenter.head.backbone.sizes
    plan = plan_windows(image.shape[0], image.shape[1], sizes, long_side=segmenter.options.long_side)
    return np.asarray(Image.fromarray(image).resize((plan.width, plan.height), Image.Resampling.BICUBIC))


def with_plain_names(description: DatasetDescription) -> DatasetDescription:
    """Look for every class by its name alone, as people write it."""
    return dataclasses.replace(description, classes=tuple(_plain(one) for one in description.classes))


def _plain(one: DatasetClass) -> DatasetClass:
    return dataclasses.replace(one, prompts=(PLAIN_NAMES.get(one.name, one.name),))


if __name__ == "__main__":
    main()
