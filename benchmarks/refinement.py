"""What following the image's edges gives: mIoU with background and boundary F-score, with and without.

    python -m benchmarks.refinement DATA           the defaults, on val_dev
    python -m benchmarks.refinement DATA --split train_aug --limit 150 --search

Masks are those that users get: labels compete at the working size, specks are absorbed. An image is encoded
once for all rows, so that rows differ in refinement alone.
"""

import argparse
import random
import time
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.embedded_model import with_plain_names
from training.boundary_score import BoundaryScore
from training.dataset_description import DatasetDescription
from training.dataset_files import read_image, read_mask
from training.metrics import ConfusionMatrix
from zegclip_core.labelling import LabellingOptions
from zegclip_core.processor import prepare_processor
from zegclip_core.refine import GuidedFilterOptions
from zegclip_core.segmenter import Segmenter, SegmenterOptions, build_segmenter

IGNORED = 255
RADII = (0.025, 0.05, 0.1)
EPSILONS = (1e-4, 1e-3, 1e-2)


@dataclass
class Row:
    """One way to label, and what it has reached so far."""

    name: str
    options: LabellingOptions
    matrix: ConfusionMatrix
    boundary: BoundaryScore = field(default_factory=BoundaryScore)
    seconds: float = 0.0


def main() -> None:
    """Label a split in every way and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="voc_subset")
    parser.add_argument("--model", default="zegclip-mini")
    parser.add_argument("--split", default="val_dev")
    parser.add_argument("--limit", type=int, help="so many images of the split, drawn with seed 0")
    parser.add_argument(
        "--search", action="store_true", help="also radii and strictnesses beside the defaults"
    )
    options = parser.parse_args()
    prepare_processor(threads=1)
    description = with_plain_names(DatasetDescription.load(options.data))
    ids = list(description.ids(options.split))
    if options.limit:
        ids = random.Random(0).sample(ids, options.limit)
    segmenter = build_segmenter(options.model, device="cpu")
    rows = make_rows(len(description.foreground), search=options.search)
    for image_id in tqdm(ids, unit="image"):
        label_in_every_way(segmenter, description, image_id, rows)
    print(f"{segmenter.model_version}, {options.split}, {len(ids)} images")
    print("| | mIoU with background | boundary F | ms per image |\n| --- | --- | --- | --- |")
    for row in rows:
        scores = row.matrix.scores()
        milliseconds = 1000 * row.seconds / len(ids)
        print(f"| {row.name} | {scores.m_iou:.1f} | {row.boundary.score():.1f} | {milliseconds:.0f} |")


def make_rows(classes: int, *, search: bool) -> list[Row]:
    """Return the rows of the table; the background is the last class of each confusion matrix."""
    ways = {
        "without": LabellingOptions(refine=False),
        "with refinement": LabellingOptions(),
    }
    for radius, epsilon in product(RADII, EPSILONS) if search else ():
        guided = GuidedFilterOptions(radius=radius, epsilon=epsilon)
        ways[f"radius {radius:g}, epsilon {epsilon:g}"] = LabellingOptions(guided_filter=guided)
    return [Row(name, options, ConfusionMatrix(classes + 1)) for name, options in ways.items()]


def label_in_every_way(
    segmenter: Segmenter, description: DatasetDescription, image_id: str, rows: list[Row]
) -> None:
    """Encode an image, label it by every row's options and count the results."""
    image = read_image(description, image_id)
    mask = read_mask(description, image_id)
    target = target_classes(mask, description)
    encoded = segmenter.encode(image)
    labels = description.labels(synonyms=False)
    nothing = len(labels)
    for row in rows:
        labeller = Segmenter(
            head=segmenter.head,
            text_bank=segmenter.text_bank,
            model_version=segmenter.model_version,
            options=SegmenterOptions(labelling=row.options),
        )
        started = time.perf_counter()
        label_map = labeller.classify(encoded, labels).label_map
        row.seconds += time.perf_counter() - started
        prediction = np.where(label_map == 0, nothing, label_map.astype(np.int64) - 1)
        row.matrix.update(prediction, target, IGNORED)
        row.boundary.update(prediction, target, IGNORED, skip=frozenset({nothing}))


def target_classes(mask: NDArray[np.uint16], description: DatasetDescription) -> NDArray[np.int64]:
    """Return a mask (H, W) in the rows' numbering: the foreground classes, then the background."""
    table = np.full(int(mask.max()) + 1, IGNORED, np.int64)
    background = description.background
    places = [*description.foreground, *([background] if background else [])]
    for place, one in enumerate(places):
        if one.index < len(table):
            table[one.index] = place
    return table[mask]


if __name__ == "__main__":
    main()
