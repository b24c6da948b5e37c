"""The paper's ablation in small: each design of ZegCLIP added in turn, then self-training.

python -m benchmarks.ablation --data datasets/voc_subset --out runs/ablation --seeds 0,1,2
"""

import argparse
import hashlib
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from training.configuration import Mode
from training.evaluate import evaluate
from training.recipe_files import load_recipe
from training.run import train
from zegclip_core.atomic_files import write_atomically
from zegclip_core.heads import HeadFeatures, SegmentationHead
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import build_segmenter
from zegclip_core.zegclip.head import ZegCLIPHead

RECIPE = Path(__file__).with_suffix(".toml")
FIGURES = ("pAcc", "mIoU_seen", "mIoU_unseen", "hIoU")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what is added, in which mode, by which overrides of the recipe."""

    name: str
    mode: Mode
    overrides: tuple[str, ...]


class StemsOnDisk:
    """A head that keeps what the frozen stem made of an image: all rows of the table share it.

    Args:
        head: whose scores are used.
        folder: where stems lie.

    """

    def __init__(self, head: SegmentationHead, *, folder: Path) -> None:
        assert isinstance(head, ZegCLIPHead)
        self.head = head
        self.backbone = head.backbone
        self.none_logit = head.none_logit
        self.folder = folder

    @torch.inference_mode()
    def encode(self, images: torch.Tensor) -> HeadFeatures:
        """Encode normalised images (1, 3, H, W)."""
        path = self.folder / f"{hashlib.sha256(images.numpy().tobytes()).hexdigest()}.safetensors"
        if not path.is_file():
            write_atomically(path, save({"stem": self.head.model.tower.patchify(images).contiguous()}))
        return HeadFeatures(*self.head.model.encode_stem(load_file(path)["stem"]))

    def logits(self, features: HeadFeatures, text: torch.Tensor) -> torch.Tensor:
        """Score words (P, D)."""
        return self.head.logits(features, text)


BASELINE = ("model.prompt_tokens=0", "model.tuned=blocks", "model.descriptor=text", "loss.kind=exclusive")
ROWS = (
    Row("baseline: text and patch matched, tower fine-tuned", "inductive", BASELINE),
    Row("+ deep prompts, tower frozen", "inductive", ("model.descriptor=text", "loss.kind=exclusive")),
    Row("+ non-mutually-exclusive loss", "inductive", ("model.descriptor=text",)),
    Row("+ relationship descriptor", "inductive", ()),
    Row("+ self-training as released", "transductive", ("self_training.scheme=released",)),
    Row("+ self-training with a teacher", "transductive", ("self_training.scheme=teacher",)),
)


def main() -> None:
    """Train and score every row with every seed, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="voc_subset")
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs; finished ones are kept")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--rows", default="0,1,2,3,4,5", help="lines of the table, the first is 0")
    parser.add_argument("--set", action="append", default=[], metavar="GROUP.NAME=VALUE")
    options = parser.parse_args()
    prepare_processor(threads=1)
    seeds = [int(seed) for seed in options.seeds.split(",")]
    numbers = [int(number) for number in options.rows.split(",")]
    results: dict[str, list[dict[str, float]]] = {ROWS[number].name: [] for number in numbers}
    for seed in seeds:
        for number in numbers:
            row = ROWS[number]
            result = run(row, number, seed, options)
            results[row.name].append(result)
            print(f"{row.name}, seed {seed}: {result}", flush=True)
    (options.out / "ablation.json").write_text(json.dumps(results, indent=1))
    print(table(results))


def run(row: Row, number: int, seed: int, options: argparse.Namespace) -> dict[str, float]:
    """Train one row with one seed, unless that is done, and score it."""
    overrides = [*row.overrides, f"seed={seed}", *options.set]
    configuration = load_recipe(str(RECIPE), row.mode, overrides)
    trained = train(
        configuration,
        dataset=options.data,
        out=options.out / f"row{number}-seed{seed}",
        cache_dir=options.out / "cache",
    )
    segmenter = build_segmenter(str(trained.folder))
    segmenter.head = StemsOnDisk(segmenter.head, folder=options.out / "cache" / "scored")
    settings = configuration.evaluation
    result = evaluate(
        segmenter, options.data, settings.split, settings=settings, words="first", background=False
    )
    document = result.to_document()
    return {name: document[name] for name in FIGURES}


def table(results: dict[str, list[dict[str, float]]]) -> str:
    """Return a Markdown table of means and standard deviations over the seeds."""
    lines = ["| | " + " | ".join(FIGURES) + " |", "| --- |" + " --- |" * len(FIGURES)]
    for name, runs in results.items():
        cells = [_cell([run[figure] for run in runs]) for figure in FIGURES]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.1f} ± {spread:.1f}"


if __name__ == "__main__":
    main()
