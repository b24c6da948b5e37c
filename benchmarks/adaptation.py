"""What corrections teach, without a server: one training for each seed, measured on an untouched split.

One correction in five is held out: it says how much of what was learned is kept, and the gate decides by it.
As in `benchmarks.loop` with a random order, a task that shows a label named by `--never` is skipped, and goes
along without labels. With `--codes` the other labels are called A01, A02 …, which mean nothing to any model.
Without `--test-split` the training split is cut in halves.

    python -m benchmarks.adaptation --dataset datasets/labelmefacade --train-split test --test-split train \\
        --never car --corrections 50
"""

import argparse
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from training.adaptation.run import adapt
from training.adaptation.settings import AdaptationSettings
from training.dataset_description import DatasetDescription
from training.dataset_files import read_mask
from training.evaluate import evaluate
from training.gate import Verdict, judge
from training.kept_labels import kept_labels
from training.metrics import Scores
from zegclip_core.segmenter import Segmenter, build_segmenter

SMALLEST = 2000
UNLABELLED = 100


@dataclass(frozen=True, slots=True)
class Work:
    """What the annotator leaves behind."""

    corrected: tuple[str, ...]
    held_out: tuple[str, ...]
    untouched: tuple[str, ...]
    test: tuple[str, ...]


def main() -> None:
    """Run what the arguments ask for and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--model", default="zegclip-mini", help="the CLIP to adapt, as in 'zegclip eval'")
    parser.add_argument("--train-split", required=True)
    parser.add_argument("--test-split", default=None)
    parser.add_argument("--test", type=int, default=100, help="images of the test split")
    parser.add_argument("--never", nargs="*", default=None, help="labels never painted (default: 'unseen')")
    parser.add_argument("--codes", action="store_true", help="painted labels go by codes")
    parser.add_argument("--corrections", type=int, default=50)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--without-transduction", action="store_true")
    parser.add_argument("--whole", action="store_true", help="keep all that was learned")
    parser.add_argument("--learning-rate", type=float, default=AdaptationSettings().learning_rate)
    parser.add_argument("--cache", type=Path, default=None, help="kept from run to run")
    arguments = parser.parse_args()
    dataset = DatasetDescription.load(arguments.dataset)
    never = tuple(arguments.never) if arguments.never is not None else dataset.unseen
    if arguments.codes:
        dataset = _with_codes(dataset, never)
    print("| seed | corrected (train) | model | pAcc | seen | never annotated | hIoU | seconds | gate |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    gains = [_one_seed(arguments, dataset, never, seed) for seed in arguments.seeds]
    seen, unseen = zip(*gains, strict=True)
    print(f"mean gain: seen {statistics.mean(seen):+.1f}, never annotated {statistics.mean(unseen):+.1f}")


def _one_seed(
    arguments: argparse.Namespace, dataset: DatasetDescription, never: Sequence[str], seed: int
) -> tuple[float, float]:
    work = _work(arguments, dataset, never, seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corrections = _export(folder / "data", dataset, work, never)
        settings = AdaptationSettings(seed=seed, learning_rate=arguments.learning_rate)
        if arguments.without_transduction:
            settings = replace(settings, unlabelled_images=0)
        started = time.monotonic()
        trained = adapt(
            settings,
            model=arguments.model,
            dataset=corrections.root,
            split="train",
            holdout=None if arguments.whole else "holdout",
            out=folder / "run",
            device="cpu",
            cache_dir=arguments.cache or folder / "cache",
        )
        seconds = time.monotonic() - started
        print(f"seed {seed}: trained in {seconds:.0f} s", file=sys.stderr, flush=True)
        split = arguments.test_split or arguments.train_split
        models = [build_segmenter(name, device="cpu") for name in (arguments.model, str(trained.folder))]
        scores = [evaluate(one, dataset, split, unseen=never, ids=work.test).scores for one in models]
        verdict = _verdict(corrections, models, work)
    names = (models[0].model_version, f"adapted, {trained.strength:.0%} kept")
    decisions = ("-", f"{'promoted' if verdict.promoted else 'held back'}: {verdict.reason}")
    for name, one, took, gate in zip(names, scores, (0.0, seconds), decisions, strict=True):
        print(
            f"| {seed} | {len(work.corrected)} | {name} | {one.p_acc:.1f} | {one.m_iou_seen:.1f} "
            f"| {one.m_iou_unseen:.1f} | {one.h_iou:.1f} | {took:.0f} | {gate} |",
            flush=True,
        )
    return _gain(scores)


def _verdict(corrections: DatasetDescription, models: Sequence[Segmenter], work: Work) -> Verdict:
    base, adapted = (_holdout_iou(one, corrections) for one in models)
    kept = kept_labels(*models, corrections, ids=work.untouched, names=corrections.unseen)
    return judge(adapted, base, holdout=len(work.held_out), kept=kept)


def _holdout_iou(model: Segmenter, corrections: DatasetDescription) -> dict[str, float | None]:
    """IoU of the labels, without the background, as the product's gate sees it."""
    by_label = evaluate(model, corrections, "holdout").to_document()["per_class"]
    return {one.name: by_label[one.name] for one in corrections.foreground}


def _gain(scores: Sequence[Scores]) -> tuple[float, float]:
    base, adapted = scores
    return adapted.m_iou_seen - base.m_iou_seen, adapted.m_iou_unseen - base.m_iou_unseen


def _work(
    arguments: argparse.Namespace, dataset: DatasetDescription, never: Sequence[str], seed: int
) -> Work:
    ids = list(dataset.ids(arguments.train_split))
    random.Random(seed).shuffle(ids)
    if arguments.test_split:
        test = list(dataset.ids(arguments.test_split))[: arguments.test]
    else:
        ids, test = ids[: len(ids) // 2], ids[len(ids) // 2 :]
    hidden = dataset.unseen_indices(never)
    corrected: list[str] = []
    untouched: list[str] = []
    for one in ids:
        finished = len(corrected) == arguments.corrections
        if finished and len(untouched) >= UNLABELLED:
            break
        skipped = bool(set(np.unique(read_mask(dataset, one)).tolist()) & set(hidden))
        (untouched if skipped or finished else corrected).append(one)
    # One correction in five only decides whether a version serves.
    kept = [one for place, one in enumerate(corrected) if place % 5 != 4]
    held = [one for place, one in enumerate(corrected) if place % 5 == 4]
    return Work(tuple(kept), tuple(held), tuple(untouched[:UNLABELLED]), tuple(test))


def _export(root: Path, dataset: DatasetDescription, work: Work, never: Sequence[str]) -> DatasetDescription:
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    pixels = np.zeros(1 << 16, np.int64)
    for one in work.corrected:
        pixels += np.bincount(read_mask(dataset, one).ravel(), minlength=1 << 16)
    unseen = [c for c in dataset.foreground if c.name in never or pixels[c.index] < SMALLEST]
    for one in (*work.corrected, *work.held_out, *work.untouched):
        shutil.copyfile(dataset.image_path(one), root / "images" / f"{one}{dataset.image_suffix}")
        mask = read_mask(dataset, one).astype(np.uint8)
        if one in work.untouched:
            mask[:] = unseen[0].index if unseen else dataset.ignore_index
        Image.fromarray(mask).save(root / "masks" / f"{one}.png")
    (root / "train.txt").write_text("".join(f"{one}\n" for one in (*work.corrected, *work.untouched)))
    (root / "holdout.txt").write_text("".join(f"{one}\n" for one in work.held_out))
    description = replace(
        dataset,
        root=root,
        images="images",
        masks="masks",
        mask_suffix=".png",
        splits={"train": "train.txt", "holdout": "holdout.txt"},
        unseen=tuple(one.name for one in unseen),
    )
    description.save()
    return description


def _with_codes(dataset: DatasetDescription, never: Sequence[str]) -> DatasetDescription:
    return replace(
        dataset,
        classes=tuple(
            one if one.is_background or one.name in never else replace(one, prompts=(f"A{place:02d}",))
            for place, one in enumerate(dataset.classes)
        ),
    )


if __name__ == "__main__":
    main()
