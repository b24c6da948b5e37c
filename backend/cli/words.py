"""`zegclip words`: how the model understands a label set, before anything is painted."""

import argparse
import dataclasses
import json

from backend.cli.settings_flags import add_settings_flags, settings_from
from zegclip_core.backbones.notation import parse_notation
from zegclip_core.labels import parse_words

_EXAMPLES = """examples:
  zegclip words "sofa, couch, weld seam"
  zegclip words "cat|kitten, 猫" --model ViT-B-16/openai --json

For every label: the common words the model finds most alike (1 = the same, 0 = unrelated). Then the pairs it
will hardly tell apart, labels far from everything it knows, and words it cannot read; each with what to do.
Exit code 0 with or without warnings."""


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
    parser.add_argument("--json", action="store_true", help="the same as one JSON object")
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
        settings.model, cache_dir=settings.data_dir / "models", device=settings.device, show_progress=True
    )
    report = understand_words(segmenter.text_bank, labels)
    if arguments.json:
        document = {"model_version": segmenter.model_version, **dataclasses.asdict(report)}
        print(json.dumps(document, ensure_ascii=False, indent=2))
        return 0
    width = max(len(label.name) for label in report.labels)
    for label in report.labels:
        nearest = ", ".join(f"{known.word} {known.likeness:.2f}" for known in label.nearest)
        print(f"{label.name:<{width}}  {nearest}{'  (far)' if label.is_far else ''}")
    for warning in report.warnings:
        print(f"- {warning}")
    return 0
