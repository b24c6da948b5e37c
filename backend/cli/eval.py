"""`zegclip eval`: score a model on a data set by the generalised zero-shot protocol."""

import argparse
import json
from pathlib import Path

from tqdm import tqdm

from backend.cli.argument_types import names
from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.logs import configure_logging
from training.progress_bar import shown_by
from zegclip_core.engines.precision import ENGINE_WISHES

_EXAMPLES = """examples:
  zegclip eval zegclip-mini datasets/voc --split val
  zegclip eval runs/voc/model datasets/voc --split val --recipe voc --no-background
  zegclip eval ViT-B-16/openai datasets/voc --split val --unseen "sofa, train" --json
  zegclip eval zegclip-mini my-photos/ --split val --out report/      (pictures of the best and the worst)

MODEL is what `zegclip predict --model` takes: zegclip-mini (-fast, -decoder), ARCH/PRETRAINED, or a path.
All classes of the data set compete at every pixel. pAcc is the share of right pixels, mIoU the mean
intersection over union, in percent, over all, seen and unseen classes, hIoU the harmonic mean of the last
two. Masks are scored as the model gives them, without the edge refinement of predictions.

--json prints {"pAcc", "mIoU", "mIoU_seen", "mIoU_unseen", "hIoU", "per_class"}; null where there is nothing
to average. Papers on PASCAL VOC leave the background out (--no-background) and look at images as a recipe
says."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "eval",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "checkpoint", metavar="MODEL", help="notation of a model, or the path of a checkpoint"
    )
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="dataset.json or its folder")
    parser.add_argument("--split", required=True, help="split to score on")
    parser.add_argument(
        "--unseen", type=names, default=None, metavar="A,B", help="unseen classes, in place of the data set's"
    )
    parser.add_argument(
        "--recipe", default=None, help="look at images as a recipe says: its name, or a .toml file"
    )
    parser.add_argument(
        "--words",
        choices=("names", "first", "all"),
        default="all",
        help="what stands for a class: its name, its first prompt word, or the best of all (default: all)",
    )
    parser.add_argument(
        "--background",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether background counts as a class (default: when the data set has it)",
    )
    parser.add_argument(
        "--out", type=Path, default=None, help="folder for scores.json and worst-and-best.png"
    )
    parser.add_argument(
        "--engine",
        choices=ENGINE_WISHES,
        default="torch",
        help="what computes the image tower (default: torch, the reference)",
    )
    parser.add_argument("--pictures", type=int, default=6, help="how many of the best and of the worst")
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_settings_flags(parser, "device", "threads", "data_dir", "log_level")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Score and print."""
    settings = settings_from(arguments)
    configure_logging(settings.log_level)
    from training.dataset_description import DatasetDescription
    from training.evaluate import evaluate
    from training.evaluation_report import per_class_table, write_report
    from training.recipe_files import load_recipe
    from zegclip_core.processor import prepare_processor
    from zegclip_core.segmenter import build_segmenter

    prepare_processor(threads=settings.threads)
    look = load_recipe(arguments.recipe, "inductive").evaluation if arguments.recipe else None
    description = DatasetDescription.load(arguments.dataset)
    segmenter = build_segmenter(
        arguments.checkpoint,
        cache_dir=settings.data_dir / "models",
        device=settings.device,
        engine=arguments.engine,
        show_progress=not arguments.quiet,
    )
    with tqdm(unit="image", disable=arguments.quiet or None) as bar:
        result = evaluate(
            segmenter,
            description,
            arguments.split,
            unseen=arguments.unseen,
            settings=look,
            words=arguments.words,
            background=arguments.background,
            progress=shown_by(bar),
        )
    if arguments.out is not None:
        write_report(
            arguments.out,
            result,
            segmenter=segmenter,
            description=description,
            settings=look,
            words=arguments.words,
            pictures=arguments.pictures,
        )
    print(json.dumps(result.to_document()) if arguments.json else per_class_table(result))
    return 0
