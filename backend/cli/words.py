"""`zegclip words`: how the model understands a label set, before anything is painted."""

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from backend.cli.settings_flags import add_settings_flags, settings_from
from training.progress_bar import shown_by
from zegclip_core.backbones.notation import parse_notation
from zegclip_core.expected_mistakes import mistake_warnings
from zegclip_core.labels import Label, parse_words

if TYPE_CHECKING:
    from training.word_confusion import WordConfusion
    from zegclip_core.segmenter import Segmenter
    from zegclip_core.words import WordReport

_EXAMPLES = """examples:
  zegclip words "sofa, couch, weld seam"
  zegclip words "cat|kitten, 猫" --model ViT-B-16/openai --json
  zegclip words "cow, sheep, horse" --dataset datasets/voc --split val

For every label: the common words the model finds most alike (1 = the same, 0 = unrelated). Then the pairs it
will hardly tell apart, labels far from everything it knows, and words it cannot read; each with what to do.
For the embedded model also which labels were painted as others on photographs with masks, where that was
measured for these words or for words that are nearly the same to the model.

With --dataset (dataset.json, as `zegclip data` writes it) this is measured on your own photographs, for the
labels that the data set has by name or prompt: all labels compete, and the table tells which share of a
label's pixels was painted as which other one. Labels that the data set lacks compete, too.
Exit code 0 with or without warnings."""
_LEAST_SHARE = 1.0
_MOST_PAIRS = 20


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "words",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("labels", metavar="LABELS", help='words: "cat|kitten, sofa, person"')
    parser.add_argument(
        "--dataset", type=Path, help="measure confusion on photographs with masks: dataset.json or its folder"
    )
    parser.add_argument("--split", default="val", help="split of the data set (default: val)")
    parser.add_argument("--json", action="store_true", help="the same as one JSON object")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_settings_flags(parser, "model", "device", "threads", "data_dir")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare the words and print what the model makes of them."""
    settings = settings_from(arguments)
    parse_notation(settings.model)
    labels = parse_words(arguments.labels)
    # Imported here, so that a mistyped command answers at once.
    from zegclip_core.processor import prepare_processor
    from zegclip_core.segmenter import build_segmenter
    from zegclip_core.words import understand_words

    prepare_processor(threads=settings.threads)
    segmenter = build_segmenter(
        settings.model,
        cache_dir=settings.data_dir / "models",
        device=settings.device,
        show_progress=not arguments.quiet,
    )
    report = understand_words(segmenter.text_bank, labels)
    measured = _measure(segmenter, labels, arguments) if arguments.dataset else None
    if arguments.json:
        document = {"model_version": segmenter.model_version, **dataclasses.asdict(report)}
        if measured:
            document["measured"] = dataclasses.asdict(measured)
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return 0
    _print_report(report)
    if measured:
        _print_measured(measured)
    else:
        for told in mistake_warnings(report.mistakes):
            print(f"- {told}")
    return 0


def _measure(
    segmenter: "Segmenter", labels: Sequence[Label], arguments: argparse.Namespace
) -> "WordConfusion":
    from training.dataset_description import DatasetDescription
    from training.word_confusion import measure_confusion

    description = DatasetDescription.load(arguments.dataset)
    with tqdm(unit="image", disable=arguments.quiet or None) as bar:
        return measure_confusion(segmenter, description, arguments.split, labels, progress=shown_by(bar))


def _print_report(report: "WordReport") -> None:
    width = max(len(label.name) for label in report.labels)
    for label in report.labels:
        nearest = ", ".join(f"{known.word} {known.likeness:.2f}" for known in label.nearest)
        print(f"{label.name:<{width}}  {nearest}{'  (far)' if label.is_far else ''}")
    for warning in report.warnings:
        print(f"- {warning}")


def _print_measured(measured: "WordConfusion") -> None:
    """Print the labels that were found, then the pairs with the most confusion."""
    print(
        f"\nMeasured on {measured.dataset} {measured.split}, {measured.images} photographs with these labels:"
    )
    found = [
        (one.name, str(one.images), f"{one.right:.1f} %", f"{one.nothing:.1f} %") for one in measured.labels
    ]
    _print_table(("label", "photographs", "painted right", "painted as nothing"), found)
    pairs = [pair for pair in measured.pairs() if pair[2] >= _LEAST_SHARE]
    if pairs:
        print()
        rows = [(one.name, other, f"{share:.1f} %") for one, other, share in pairs[:_MOST_PAIRS]]
        _print_table(("pixels of", "painted as", "share"), rows)
    else:
        print(f"No label has {_LEAST_SHARE:.0f} % of its pixels or more painted as another.")
    if len(pairs) > _MOST_PAIRS:
        print(f"{len(pairs) - _MOST_PAIRS} more pairs of {_LEAST_SHARE:.0f} % or more: --json has them all")
    if measured.unmeasured:
        print(f"Not in these masks: {', '.join(measured.unmeasured)}")


def _print_table(heading: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in (heading, *rows)) for column in range(len(heading))]
    for row in (heading, *rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
