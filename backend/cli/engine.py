"""`zegclip engine check`: whether a faster engine keeps a model's masks on this machine."""

import argparse
import sys
from pathlib import Path

from backend.cli.settings_flags import add_settings_flags, settings_from
from zegclip_core.backbones.notation import parse_notation

_EXAMPLES = """examples:
  zegclip engine check zegclip-mini data/voc_subset --split val_dev
  zegclip engine check data/models/17 data/own --limit 50

Needs the extra [fast] (OpenVINO and NNCF). The model is converted at every precision, scored on the images of
the split and timed against PyTorch. What loses at most 0.5 points of mIoU and is faster is used from then on
by workers whose engine is auto (the default) or openvino, on processors with the same instructions.
Exit code 0: something faster may be used; 1: nothing."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "engine",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", choices=("check",))
    parser.add_argument("checked_model", metavar="MODEL", help="zegclip-mini, ARCH/PRETRAINED, or a path")
    parser.add_argument("dataset", type=Path, metavar="DATASET", help="folder with dataset.json")
    parser.add_argument("--split", default="val", help="hold-out split (default: val)")
    parser.add_argument("--limit", type=int, help="so many images at most")
    add_settings_flags(parser, "data_dir", "threads")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check every precision and print one line for each."""
    settings = settings_from(arguments)
    parse_notation(arguments.checked_model)
    # Imported here, so that a mistyped command answers at once.
    from training.dataset_description import DatasetDescription
    from training.engine_check import check_engines
    from zegclip_core.processor import prepare_processor
    from zegclip_core.segmenter import build_segmenter

    prepare_processor(threads=settings.threads)
    description = DatasetDescription.load(arguments.dataset)
    cache_dir = settings.data_dir / "models"
    segmenter = build_segmenter(
        arguments.checked_model, cache_dir=cache_dir, device="cpu", show_progress=True
    )
    checks = check_engines(
        segmenter,
        description,
        arguments.split,
        cache_dir=cache_dir,
        limit=arguments.limit,
        progress=lambda step: print(step, file=sys.stderr, flush=True),
    )
    for check in checks:
        verdict = "may be used" if check.is_offered else "is not used"
        print(
            f"openvino {check.precision:<12} {check.loss:+.2f} points of mIoU lost, "
            f"{check.ratio:.2f} times as fast: {verdict}"
        )
    return 0 if any(check.is_offered for check in checks) else 1
