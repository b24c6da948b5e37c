"""`zegclip predict`: paint photographs without any server."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.logs import configure_logging
from zegclip_core.backbones.notation import parse_notation
from zegclip_core.labels import parse_words

_EXAMPLES = """examples:
  zegclip predict photo.jpg --labels "cat|kitten, sofa, person" --out painted/
  zegclip predict holiday/ more/*.png --labels "sky, tree, person" --out painted/ --model ViT-B-16/openai

Words separated by commas are labels; words separated by | mean the same. For every photograph NAME it writes
  NAME.mask.png      8-bit palette, 0 = nothing, 1 = the first label …, at the photograph's displayed size
  NAME.overlay.png   the photograph with its masks and a legend
and for all of them predictions.json (importable into Label Studio) and label_config.xml (for its project).
Exit code 0: all painted; 1: some could not be painted, the others were."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "predict",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "images", nargs="+", type=Path, metavar="IMAGE", help="photographs, or folders of them"
    )
    parser.add_argument("--labels", required=True, help='words to paint: "cat|kitten, sofa, person"')
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument(
        "--refine",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="whether masks follow the edges of the photograph (default: yes)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_settings_flags(parser, "model", "device", "engine", "threads", "data_dir", "log_level")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Paint, then say what was written."""
    settings = settings_from(arguments)
    configure_logging(settings.log_level)
    # What can be wrong in the command is told before torch is imported, which takes seconds.
    labels = parse_words(arguments.labels)
    parse_notation(settings.model)
    from backend.painting import find_images, paint_files
    from zegclip_core.labelling import LabellingOptions
    from zegclip_core.processor import prepare_processor
    from zegclip_core.segmenter import SegmenterOptions, build_segmenter

    prepare_processor(threads=settings.threads)
    images = find_images(arguments.images)
    segmenter = build_segmenter(
        settings.model,
        cache_dir=settings.data_dir / "models",
        device=settings.device,
        engine=settings.engine,
        options=SegmenterOptions(labelling=LabellingOptions(refine=arguments.refine)),
        show_progress=not arguments.quiet,
    )
    with tqdm(total=len(images), unit="photo", disable=arguments.quiet) as bar:
        report = paint_files(
            images,
            labels,
            segmenter=segmenter,
            out=arguments.out,
            max_pixels=settings.max_pixels,
            progress=lambda _: bar.update(),
        )
    print(f"{len(report.painted)} photos painted with {report.regions} regions, in {arguments.out}")
    for path, reason in report.failures:
        print(f"{path}: {reason}", file=sys.stderr)
    return 1 if report.failures else 0
