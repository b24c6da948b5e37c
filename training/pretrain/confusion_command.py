"""`python -m training.pretrain confusion …`: which known words the embedded model mixes up."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from training.dataset_description import DatasetDescription
from training.errors import ConfigurationError
from training.progress_bar import shown_by
from training.word_confusion import WordConfusion, measure_confusion
from training.words import class_labels
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS
from zegclip_core.labels import Label
from zegclip_core.measured_confusion import (
    ConfusionTable,
    MeasuredPair,
    confusion_file,
    write_confusion,
)
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import build_segmenter

# Of a word that fewer photographs show, a single one of them would decide.
_FEWEST_IMAGES = 3


def add_confusion_stage(stages: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the stage's options."""
    parser = stages.add_parser("confusion", help="measure which known words the packed model mixes up")
    parser.add_argument(
        "--data",
        action="append",
        required=True,
        metavar="FOLDER:SPLIT[:NAME]",
        help='photographs with masks, and what to call them, such as coco_subset:val:"COCO val"',
    )
    parser.add_argument("--least", type=float, default=5.0, help="percent of a word's pixels (default: 5)")
    parser.add_argument("--threads", type=int, default=1, help="of the model (default: 1)")
    parser.add_argument("--most", type=int, default=60, help="pairs of each data set (default: 60)")
    parser.add_argument(
        "--out",
        type=Path,
        default=confusion_file(EMBEDDED_WEIGHTS),
        help="default: beside the weights in the package",
    )


def run_confusion_stage(options: argparse.Namespace) -> str:
    """Measure every data set and write the table; return the line that tells about it."""
    prepare_processor(threads=options.threads)
    segmenter = build_segmenter("zegclip-mini", device="cpu")
    words: list[str] = []
    pairs: list[MeasuredPair] = []
    for text in options.data:
        description, split, name = _source(text)
        # The first word of a class is how people write it: "dining table", not VOC's "diningtable".
        labels = [Label(one.prompts[0], one.prompts) for one in class_labels(description.foreground, "first")]
        with tqdm(unit="image", desc=name, disable=None) as bar:
            measured = measure_confusion(segmenter, description, split, labels, progress=shown_by(bar))
        words += [label.name for label in labels]
        pairs += _most_confused(measured, name, least=options.least)[: options.most]
    table = ConfusionTable(
        model_version=segmenter.model_version,
        sha256=segmenter.head.backbone.digest,
        words=tuple(dict.fromkeys(words)),
        pairs=tuple(pairs),
    )
    write_confusion(options.out, table)
    return f"written: {options.out}, {len(table.pairs)} pairs of {len(table.words)} words"


def _most_confused(measured: WordConfusion, name: str, *, least: float) -> Sequence[MeasuredPair]:
    return [
        MeasuredPair(word=one.name, taken_for=other, percent=round(share, 1), data=name, images=one.images)
        for one, other, share in measured.pairs()
        if share >= least and one.images >= _FEWEST_IMAGES
    ]


def _source(text: str) -> tuple[DatasetDescription, str, str]:
    """Read `FOLDER:SPLIT[:NAME]`. Raises `ConfigurationError` for another form."""
    folder, _, rest = text.partition(":")
    split, _, name = rest.partition(":")
    if not split:
        raise ConfigurationError(f"--data {text!r}: write FOLDER:SPLIT or FOLDER:SPLIT:NAME")
    description = DatasetDescription.load(folder)
    return description, split, name or f"{description.name} {split}"
