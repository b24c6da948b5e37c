"""What clicks are worth: simulated on a data set, mIoU after each: `python -m benchmarks.clicks DATASET`.

For every class of every image, the first click goes to the middle of the class's largest object, each further
one to the middle of the largest error: positive where the class is missing, negative where there is too much.
"Middle" is the place farthest from the edge; objects are connected components. The column "none" is the model
without clicks. The parameters of `zegclip_core.prompting` were chosen on `train_aug`: report on other images.
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.dataset_description import DatasetDescription
from training.dataset_files import read_image, read_mask
from zegclip_core.encoding import EncodedImage
from zegclip_core.labels import Label
from zegclip_core.prompted_segmentation import segment_prompts
from zegclip_core.prompting import Prompts
from zegclip_core.segmenter import Segmenter, build_segmenter

Mask = NDArray[np.bool_]


@dataclass
class Clicks:
    """Places clicked so far, x and y in fractions."""

    positive: list[tuple[float, float]] = field(default_factory=list)
    negative: list[tuple[float, float]] = field(default_factory=list)

    def prompts(self, limit: Mask | None = None) -> Prompts:
        """The clicks as prompts."""
        yes, no = (np.array(places, np.float64).reshape(-1, 2) for places in (self.positive, self.negative))
        return Prompts(positive=yes, negative=no, limit=limit)


def middle_of_largest(mask: Mask) -> tuple[int, int] | None:
    """Row and column of the place farthest from the edge of a mask's largest component."""
    count, numbers, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA]))
    component = cv2.copyMakeBorder((numbers == largest).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depth = cv2.distanceTransform(component, cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(row), int(column)


def overlap(one: Mask, other: Mask) -> float:
    """Intersection over union."""
    return float((one & other).sum() / max((one | other).sum(), 1))


def after_clicks(
    segmenter: Segmenter,
    encoded: EncodedImage,
    labels: list[Label],
    number: int,
    target: Mask,
    valid: Mask,
    *,
    count: int,
    whole_class: bool,
) -> Iterator[float]:
    """Yield the overlap with the target after each click; a perfect mask needs no more clicks."""
    clicks, mask = Clicks(), np.zeros_like(target)
    for _ in range(count):
        place = middle_of_largest((mask != target) & valid)
        if place is not None:
            row, column = place
            point = ((column + 0.5) / target.shape[1], (row + 0.5) / target.shape[0])
            (clicks.positive if target[row, column] else clicks.negative).append(point)
            prompts = {number: clicks.prompts()}
            mask = segment_prompts(segmenter, encoded, labels, prompts, whole_class=whole_class).mask(number)
        yield overlap(mask & valid, target & valid)


def in_a_box(
    segmenter: Segmenter, encoded: EncodedImage, labels: list[Label], number: int, target: Mask
) -> Mask:
    """The mask for the smallest box around the target."""
    left, top, width, height = cv2.boundingRect(target.astype(np.uint8))
    limit = np.zeros_like(target)
    limit[top : top + height, left : left + width] = True
    prompts = {number: Clicks().prompts(limit)}
    return segment_prompts(segmenter, encoded, labels, prompts).mask(number)


def main() -> None:
    """Print a table: rows are ways to prompt, columns are numbers of clicks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--split", default="val_dev")
    parser.add_argument("--model", default="zegclip-mini")
    parser.add_argument("--clicks", type=int, default=5)
    parser.add_argument("--limit", type=int, help="at most this many images")
    chosen = parser.parse_args()
    description = DatasetDescription.load(chosen.dataset)
    segmenter = build_segmenter(chosen.model)
    labels = description.labels()
    rows: dict[str, list[list[float]]] = {"the object clicked": [], "the whole class": [], "a box": []}
    classes = list[int]()
    started = time.perf_counter()
    for image_id in tqdm(description.ids(chosen.split)[: chosen.limit]):
        image, truth = read_image(description, image_id), read_mask(description, image_id)
        encoded = segmenter.encode(image)
        unprompted = segmenter.classify(encoded, labels)
        valid = truth != description.ignore_index
        for number, one in enumerate(description.foreground, start=1):
            target = truth == one.index
            if not target.any():
                continue
            classes.append(number)
            before = overlap(unprompted.mask(number) & valid, target & valid)
            for name, whole in (("the object clicked", False), ("the whole class", True)):
                ious = after_clicks(
                    segmenter,
                    encoded,
                    labels,
                    number,
                    target,
                    valid,
                    count=chosen.clicks,
                    whole_class=whole,
                )
                rows[name].append([before, *ious])
            boxed = in_a_box(segmenter, encoded, labels, number, target)
            rows["a box"].append([before, overlap(boxed & valid, target & valid)])
    print_table(rows, np.array(classes), chosen.clicks)
    print(
        f"{segmenter.model_version}, {description.name} {chosen.split}, {len(classes)} pairs of image and "
        f"class, {time.perf_counter() - started:.0f} s, load average {os.getloadavg()[0]:.1f}"
    )


def print_table(rows: dict[str, list[list[float]]], classes: NDArray[np.int64], clicks: int) -> None:
    """Print mIoU as the mean over pairs of image and class, and as the mean over classes."""
    print("| prompts | mean over | none | " + " | ".join(str(n + 1) for n in range(clicks)) + " |")
    print("| --- | --- |" + " --- |" * (clicks + 1))
    for name, found in rows.items():
        values = np.array(found) * 100
        by_class = np.array([values[classes == one].mean(axis=0) for one in np.unique(classes)])
        for over, means in (("objects", values.mean(axis=0)), ("classes", by_class.mean(axis=0))):
            cells = [f"{mean:.1f}" for mean in means]
            cells += [""] * (clicks + 1 - len(cells))
            print(f"| {name} | {over} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
