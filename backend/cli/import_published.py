"""`zegclip import`: a checkpoint that ZegCLIP's authors published becomes a model like any other."""

import argparse
import sys
from pathlib import Path
from typing import get_args

_EXAMPLES = """examples:
  zegclip import voc_inductive_512_vit_base.pth models/zegclip-voc --benchmark voc --mode inductive
  zegclip predict photo.jpg --labels "cat, sofa" --model models/zegclip-voc --out painted/
  zegclip start --model models/zegclip-voc --label-studio-url http://localhost:8080

The files are linked from the README of ZiqinZhou66/ZegCLIP (Google Drive). They do not say their classes, so
--benchmark and --mode tell what the file was trained for. No code in the file is run and nothing is fetched:
its own copy of CLIP is written along, in half precision where nothing is lost."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    from training.configuration import Mode
    from training.published import BENCHMARKS

    parser = commands.add_parser(
        "import",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="FILE", help="a published .pth file")
    parser.add_argument("folder", type=Path, metavar="OUT", help="folder to write")
    parser.add_argument("--benchmark", choices=tuple(BENCHMARKS), required=True)
    parser.add_argument("--mode", choices=get_args(Mode), required=True)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the checkpoint and say how to use it."""
    from training.published import import_published
    from zegclip_core.errors import ZegCLIPError

    try:
        digest = import_published(
            arguments.source, arguments.folder, benchmark=arguments.benchmark, mode=arguments.mode
        )
    except ZegCLIPError as error:
        print(f"zegclip import: {arguments.source}: {error}", file=sys.stderr)
        return 1
    print(f"written: {arguments.folder} (weights {digest[:12]}); use it with --model {arguments.folder}")
    return 0
