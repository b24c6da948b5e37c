"""One table for several states of the embedded model: things, stuff, synonyms, sizes, speed.

    python -m benchmarks.embedded_table --voc voc_subset --coco coco_subset --facade labelmefacade \\
        --camvid camvid --model zegclip-mini --model runs/tower/zegclip-mini.safetensors

Masks as benchmarks.embedded_model counts them: plain names, no refinement, mean over the classes that occur.
The tower sees every photograph once for each size; all columns of a size share its features. Synonyms
are words that stand in no data set of the training. `--every 4` takes every fourth photograph of COCO.
"""

import argparse
import dataclasses
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from benchmarks.embedded_model import with_plain_names
from training.dataset_description import DatasetDescription
from training.dataset_files import read_image, read_mask
from training.evaluate import IGNORED_TARGET, counted_classes, target_table
from training.metrics import ConfusionMatrix
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS
from zegclip_core.backbones.notation import find_weights, parse_notation
from zegclip_core.checkpoints.compact import is_checkpoint
from zegclip_core.encoding import image_pixels, resize_image
from zegclip_core.labels import Label
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import Segmenter, build_segmenter
from zegclip_core.windows import plan_windows

SIDES = (320, 512)
STUFF = {"building", "pavement", "road", "sky", "vegetation", "tree"}
SYNONYMS = {
    "aeroplane": "jetliner",
    "bicycle": "pushbike",
    "bird": "fowl",
    "boat": "vessel",
    "bottle": "flask",
    "bus": "omnibus",
    "car": "motorcar",
    "cat": "kitty",
    "chair": "armchair",
    "cow": "cattle",
    "diningtable": "kitchen table",
    "dog": "puppy",
    "horse": "pony",
    "motorbike": "motor scooter",
    "person": "human being",
    "pottedplant": "houseplant",
    "sheep": "lamb",
    "sofa": "settee",
    "train": "locomotive",
    "tvmonitor": "computer display",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One way of counting a data set: its classes' words, and whether "none of these" competes."""

    title: str
    words: tuple[str, ...]
    background: bool
    only: frozenset[str] | None = None


def main() -> None:
    """Print the table as Markdown, a row for each model and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", action="append", required=True)
    for name in ("voc", "coco", "facade", "camvid"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--side", type=int, action="append", help="longer side in pixels; 320 and 512")
    parser.add_argument("--every", type=int, default=1, help="take every N-th photograph of COCO")
    options = parser.parse_args()
    prepare_processor(threads=1)
    heading: list[str] | None = None
    for notation in options.model:
        segmenter = build_segmenter(notation, device="cpu")
        for side in options.side or SIDES:
            cells = dict(dataset_figures(segmenter, options, side))
            if heading is None:
                heading = ["model", "side", *cells, "ms at 512", "MB"]
                print("| " + " | ".join(heading) + " |\n|" + " --- |" * len(heading), flush=True)
            figures = [f"{figure:.1f}" for figure in cells.values()]
            row = [segmenter.model_version, str(side), *figures, f"{_speed(segmenter):.0f}", _size(notation)]
            print("| " + " | ".join(row) + " |", flush=True)


def dataset_figures(
    segmenter: Segmenter, options: argparse.Namespace, side: int
) -> Iterator[tuple[str, float]]:
    """Yield "voc words", "voc with background" … with their figures, for the data sets in the options."""
    for name, split, every in (
        ("voc", "val_dev", 1),
        ("coco", "val", options.every),
        ("facade", "train", 1),
        ("camvid", "val", 1),
    ):
        folder = getattr(options, name)
        if folder is None:
            continue
        description = DatasetDescription.load(folder)
        ids = description.ids(split)[::every]
        yield from measure(segmenter, description, ids, columns(name, description), side=side).items()


def columns(name: str, description: DatasetDescription) -> list[Column]:
    """What is counted of a data set."""
    words = tuple(one.prompts[0] for one in with_plain_names(description).foreground)
    plain = Column(f"{name} words", words, background=False)
    if name == "voc":
        unfamiliar = tuple(SYNONYMS[one.name] for one in description.foreground)
        synonyms = Column("voc synonyms", unfamiliar, background=False)
        return [plain, Column("voc with background", words, background=True), synonyms]
    if description.background is not None:
        return [plain, Column(f"{name} with background", words, background=True)]
    return [plain, dataclasses.replace(plain, title=f"{name} stuff", only=frozenset(STUFF))]


@torch.inference_mode()
def measure(
    segmenter: Segmenter,
    description: DatasetDescription,
    ids: Sequence[str],
    counted: Sequence[Column],
    *,
    side: int,
) -> dict[str, float]:
    """Return the mean IoU of each column, in percent; the tower sees each photograph once."""
    backbone, head = segmenter.head.backbone, segmenter.head
    texts = [
        segmenter.text_bank.embed([Label(name=word, prompts=(word,)) for word in column.words])[0]
        for column in counted
    ]
    classes = [counted_classes(description, column.background) for column in counted]
    matrices = [ConfusionMatrix(len(one)) for one in classes]
    tables = [target_table(description, one) for one in classes]
    for image_id in ids:
        image = read_image(description, image_id)
        size = (image.shape[0], image.shape[1])
        mask = read_mask(description, image_id, shape=size)
        encoded = head.encode(backbone.normalise(pixels_at(segmenter, image, side)))
        for column, text, table, matrix in zip(counted, texts, tables, matrices, strict=True):
            logits = head.logits(encoded, text)
            if column.background:
                none = logits.new_full((1, 1, *logits.shape[-2:]), head.none_logit or 0.0)
                logits = torch.cat((logits, none), dim=1)
            wide = F.interpolate(logits.float(), size=size, mode="bilinear", align_corners=False)
            matrix.update(wide[0].argmax(dim=0).numpy(), table[mask], IGNORED_TARGET)
    return {
        column.title: _mean(matrix, [one.name for one in listed], column.only)
        for column, matrix, listed in zip(counted, matrices, classes, strict=True)
    }


def pixels_at(segmenter: Segmenter, image: NDArray[np.uint8], side: int) -> torch.Tensor:
    """Return a photograph (1, 3, H, W), uint8, with its longer side at about `side` pixels."""
    plan = plan_windows(image.shape[0], image.shape[1], segmenter.head.backbone.sizes, long_side=side)
    return image_pixels(resize_image(image, plan.height, plan.width)).unsqueeze(0)


def _mean(matrix: ConfusionMatrix, names: Sequence[str], only: frozenset[str] | None) -> float:
    scores = matrix.scores()
    if only is None:
        return scores.m_iou
    present = [scores.per_class[place] for place, name in enumerate(names) if name in only]
    return float(np.nanmean(present))


@torch.inference_mode()
def _speed(segmenter: Segmenter, rounds: int = 8) -> float:
    """Median milliseconds of tower and head for one image of 512 x 512, one thread."""
    head = segmenter.head
    text, _ = segmenter.text_bank.embed([Label(name=word, prompts=(word,)) for word in STUFF])
    pixels = head.backbone.normalise(torch.zeros(1, 3, 512, 512, dtype=torch.uint8))
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        head.logits(head.encode(pixels), text)
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def _size(notation: str) -> str:
    given = parse_notation(notation).path
    files = [EMBEDDED_WEIGHTS if given is None else find_weights(given)]
    if given is not None and is_checkpoint(given):
        files.append(EMBEDDED_WEIGHTS)
    return f"{sum(file.stat().st_size for file in files) / 1e6:.1f}"


if __name__ == "__main__":
    main()
