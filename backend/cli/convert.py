"""`zegclip convert`: masks between PNG, COCO, YOLO and Label Studio."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from backend.convert.conversion import FORMATS, ConvertOptions, ConvertReport, convert
from backend.convert.label_list import ListedLabel, listed, read_label_list
from backend.convert.label_studio_writer import LOCAL_FILES
from backend.regions.formats.polygon import TOLERANCE
from training.progress_bar import shown_by

_EXAMPLES = """formats:
  png            a folder of masks NAME.png, by index or by colour, with labels.txt (one label a line:
                 NAME, NUMBER NAME, #RRGGBB NAME or NUMBER #RRGGBB NAME); 0 and black are nothing
  coco           a JSON with images, annotations, categories; written with run lengths, which keep every pixel
  coco-polygons  the same, written with outlines; a hole is joined to its outline by a bridge
  yolo           data.yaml and labels/NAME.txt, one outline a line; reading needs the photographs
  label-studio   JSON export of a project; written as tasks.json with its label_config.xml

examples:
  masks that exist, as predictions to correct in Label Studio:
    zegclip convert masks/ --from png --to label-studio --labels "road, car, sky" --out import/
  a COCO data set, as finished annotations with outlines:
    zegclip convert instances.json --from coco --to label-studio --as annotations --shape polygon --out tasks/
  what people corrected, for training elsewhere:
    zegclip convert export.json --from label-studio --to yolo --out dataset/
    zegclip convert export.json --from label-studio --to png --images photos/ --out masks/

Every image is decoded again and compared with what was read. Exit code 0: all came back; 1: some images could
not be read or did not come back, the others are written."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "convert",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="file or folder to read")
    parser.add_argument("--from", dest="source_format", required=True, choices=FORMATS, help="its format")
    parser.add_argument("--to", dest="target_format", required=True, choices=FORMATS, help="format to write")
    parser.add_argument("--out", type=Path, required=True, help="file or folder to write")
    parser.add_argument("--images", type=Path, help="folder of the photographs")
    parser.add_argument(
        "--labels", help="labels of PNG masks: words separated by commas, or a file like labels.txt"
    )
    parser.add_argument(
        "--as",
        dest="kind",
        choices=("predictions", "annotations"),
        default="predictions",
        help="what Label Studio's tasks hold (default: predictions)",
    )
    parser.add_argument(
        "--shape",
        choices=("brush", "bitmask", "polygon"),
        default="brush",
        help="how Label Studio's tasks hold masks (default: brush)",
    )
    parser.add_argument(
        "--prefix", default=LOCAL_FILES, help="comes before file names in tasks (default: %(default)s)"
    )
    parser.add_argument(
        "--model-version", default="imported", help="what predictions carry (default: imported)"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=TOLERANCE,
        help="largest distance in pixels of an outline from its mask's edge (default: %(default)s)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Convert, then say what came out."""
    options = ConvertOptions(
        images=arguments.images,
        labels=_labels(arguments.labels),
        kind=arguments.kind,
        geometry=arguments.shape,
        prefix=arguments.prefix,
        model_version=arguments.model_version,
        tolerance=arguments.tolerance,
    )
    with tqdm(unit="image", disable=arguments.quiet) as bar:
        report = convert(
            arguments.source,
            arguments.source_format,
            arguments.out,
            arguments.target_format,
            options=options,
            progress=shown_by(bar),
        )
    print(_summary(report, arguments.out))
    for name, reason in report.failures:
        print(f"{name}: {reason}", file=sys.stderr)
    return 1 if report.failures else 0


def _labels(given: str | None) -> tuple[ListedLabel, ...] | None:
    """Read words, or a file of them."""
    if given is None:
        return None
    if Path(given).is_file():
        return read_label_list(Path(given))
    return listed([word.strip() for word in given.split(",") if word.strip()])


def _summary(report: ConvertReport, out: Path) -> str:
    came_back = "every pixel came back"
    if report.different:
        share = 100 * report.different / report.pixels
        came_back = f"{share:.2f} % of the pixels came back different"
    return f"{report.images} images with {report.regions} regions, in {out}; decoded again: {came_back}"
