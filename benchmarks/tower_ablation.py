"""The tower stage of pretraining with one idea taken away or added at a time, each for the same few steps.

    python -m benchmarks.tower_ablation --start zegclip-mini-v0.safetensors --out runs/tower-ablation \\
        --data voc_subset:train_aug:4 --data coco_subset:train:3 --vocabulary words.txt --steps 200 \\
        --classifier mobilenetv2-imagenet.safetensors \\
        --voc voc_subset --coco coco_subset --facade labelmefacade

Columns are those of benchmarks.embedded_table at one look of 320 pixels. A row that was trained is not
trained again; one that was interrupted goes on.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks.embedded_table import dataset_figures
from training.pretrain.blend import blend
from training.pretrain.guess_options import add_guess_options, chosen_teacher
from training.pretrain.pack import pack
from training.pretrain.settings import TowerSettings
from training.pretrain.source_options import add_source_options, chosen_sources
from training.pretrain.tower import TowerTraining
from training.pretrain.tower_command import read_vocabulary
from zegclip_core.backbones.mini import load_mini
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import build_segmenter

_SIDE = 320


@dataclass(frozen=True, slots=True)
class Row:
    """One line: its name, what differs from the whole recipe, and whether a classifier teaches."""

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    taught: bool = False


ROWS = (
    Row("all of it"),
    Row("without stuff by rules", {"stuff": False}),
    Row("without drawn label sets", {"label_set_weight": 0.0}),
    Row("without negatives from the vocabulary", {"negative_weight": 0.0}),
    Row("without memory of the start", {"memory_weight": 0.0}),
    Row("without noise on words", {"word_noise": 0.0}),
    Row("at one scale", {"crops": ((320, 320),), "long_sides": (_SIDE, _SIDE), "whole_share": 0.0}),
    Row("with things pasted in", {"paste_share": 0.5}),
    Row("with a classifier's guesses", {}, taught=True),
)


def main() -> None:
    """Train the rows and print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--start", type=Path, required=True, help="weights that every row continues from")
    parser.add_argument("--out", type=Path, required=True, help="folder; each row gets its own in it")
    add_source_options(parser)
    add_guess_options(parser, required=False, use=", for the rows that it teaches")
    parser.add_argument("--vocabulary", type=Path, required=True, help="words for negatives, one a line")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", help="numbers separated by commas, from 0; all by default")
    parser.add_argument("--every", type=int, default=4, help="take every N-th photograph of COCO")
    for name in ("voc", "coco", "facade", "camvid"):
        parser.add_argument(f"--{name}", type=Path)
    options = parser.parse_args()
    prepare_processor(threads=1)
    numbers = range(len(ROWS)) if options.rows is None else [int(one) for one in options.rows.split(",")]
    _tell("before", options.start, options, heading=True)
    for number in numbers:
        row = ROWS[number]
        if row.taught and options.classifier is None:
            print(f"| {row.name} | needs --classifier |", flush=True)
            continue
        for name, weights in _trained(row, _folder(number, options), options).items():
            _tell(name, weights, options)


def _trained(row: Row, folder: Path, options: argparse.Namespace) -> dict[str, Path]:
    """Train a row; return its weights by name, for the whole recipe also what averaging changes."""
    packed = folder / "zegclip-mini.safetensors"
    last, between = folder / "last.safetensors", folder / "between.safetensors"
    if not packed.is_file():
        settings = replace(
            TowerSettings(steps=options.steps, stem_rate=4e-5, tower_rate=2e-4, seed=options.seed),
            **row.changes,
        )
        training = _training(row, settings, options)
        with tqdm(total=settings.steps, unit="step", desc=row.name) as bar:
            training.run(folder, on_step=lambda report: bar.update(report.step - bar.n))
        pack(options.start, dict(training.trained), last, training={"name": "tower"})
        pack(options.start, training.kept, packed, training={"name": "tower"})
    if row.changes or row.taught:
        return {row.name: packed}
    if not between.is_file():
        blend(options.start, packed, 0.7, between)
    return {
        row.name: packed,
        f"{row.name}, without averaging": last,
        f"{row.name}, 0.7 of the way": between,
    }


def _folder(number: int, options: argparse.Namespace) -> Path:
    """The folder of a row: other steps or another seed are another training."""
    folder: Path = options.out / f"row{number}-{options.steps}-seed{options.seed}"
    return folder


def _training(row: Row, settings: TowerSettings, options: argparse.Namespace) -> TowerTraining:
    backbone = load_mini(options.start, name="zegclip-mini", revision="start")
    sources, withheld = chosen_sources(options)
    return TowerTraining(
        backbone=backbone,
        sources=sources,
        vocabulary=withheld.admitted(read_vocabulary(options.vocabulary)),
        settings=settings,
        teacher=chosen_teacher(options, backbone, withheld) if row.taught else None,
    )


def _tell(name: str, weights: Path, options: argparse.Namespace, *, heading: bool = False) -> None:
    segmenter = build_segmenter(str(weights), device="cpu")
    figures = dict(dataset_figures(segmenter, options, _SIDE))
    if heading:
        print(f"| {options.steps} steps | {' | '.join(figures)} |\n|{' --- |' * (len(figures) + 1)}")
    print(f"| {name} | {' | '.join(f'{figure:.1f}' for figure in figures.values())} |", flush=True)


if __name__ == "__main__":
    main()
