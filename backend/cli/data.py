"""`zegclip data`: official downloads to `dataset.json`, the one form that training and evaluation read."""

import argparse
import inspect
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

from backend.cli.argument_types import dataset_and_split, names, same_names
from training.converters.registry import Converter
from training.dataset_description import DESCRIPTION_FILE

_EXAMPLES = """examples:
  zegclip data voc ~/downloads datasets/voc
  zegclip data coco-stuff ~/downloads/coco datasets/coco-stuff
  zegclip data context ~/downloads datasets/context --classes 59
  zegclip data merge datasets/everything datasets/voc:train_aug datasets/coco:train --same tvmonitor=tv

What to download, and where it has to lie:
  voc          VOCdevkit/VOC2012 of VOCtrainval_11-May-2012.tar; for the papers' train_aug also
               SegmentationClassAug/*.png in it, or SBD's benchmark_RELEASE beside it
  coco-stuff   train2017, val2017 and stuffthingmaps_trainval2017.zip (values or training ids: found out)
  context      VOCdevkit/VOC2010 with the 459-class .mat files, or PNG masks with 59 or 60 classes
Photographs stay where they are; masks, splits and dataset.json are written. Masks that count classes in
another way than the benchmark (raw COCO ids, reduce_zero_label, another list) are refused with the cure."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    from training.converters.registry import CONVERTERS

    parser = commands.add_parser(
        "data",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for name, converter in CONVERTERS.items():
        kind = kinds.add_parser(name, help=f"official download of {name}")
        kind.add_argument("source", type=Path, metavar="SOURCE", help="folder of the unpacked download")
        kind.add_argument("out", type=Path, metavar="OUT", help="folder to write")
        kind.add_argument(
            "--unseen-split", default="standard", help="zero-shot split of the benchmark, or none"
        )
        _add_own_flags(kind, converter)
        kind.add_argument("--quiet", action="store_true", help="no progress bar")
        kind.set_defaults(run=convert)
    _add_merge(kinds)


def _add_own_flags(parser: argparse.ArgumentParser, converter: Converter) -> None:
    """Add a flag for each choice that only this converter has, from its signature."""
    for name, hint in get_type_hints(converter).items():
        if get_origin(hint) is Literal:
            choices = get_args(hint)
            parser.add_argument(
                f"--{name.replace('_', '-')}",
                choices=choices,
                type=type(choices[0]),
                default=inspect.signature(converter).parameters[name].default,
                help="default: %(default)s",
            )


def _add_merge(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    merge = kinds.add_parser("merge", help="several data sets as one, for training")
    merge.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    merge.add_argument(
        "sources",
        nargs="+",
        type=dataset_and_split,
        metavar="DATASET:SPLIT",
        help="data sets, and the split to take of each",
    )
    merge.add_argument(
        "--same", action="append", default=[], type=same_names, metavar="A=B", help="two names for one class"
    )
    merge.add_argument(
        "--unseen", default=(), type=names, metavar="A,B", help="classes that training must not see"
    )
    merge.add_argument("--quiet", action="store_true", help="no progress bar")
    merge.set_defaults(run=merge_sets)


def convert(arguments: argparse.Namespace) -> int:
    """Convert an official download and say what was found."""
    from training.converters.registry import CONVERTERS

    given = {
        name: value
        for name, value in vars(arguments).items()
        if name in inspect.signature(CONVERTERS[arguments.kind]).parameters
    }
    report = CONVERTERS[arguments.kind](**given, show_progress=not arguments.quiet)
    for split, images in report.images.items():
        print(f"{split}: {images} images")
    for note in report.notes:
        print(f"note: {note}")
    print(f"written: {report.description}")
    return 0


def merge_sets(arguments: argparse.Namespace) -> int:
    """Merge data sets and say what came out."""
    from training.dataset_description import DatasetDescription
    from training.merge_datasets import merge_datasets

    sources = {}
    for folder, split in arguments.sources:
        description = DatasetDescription.load(folder)
        sources[description.name] = (description, split)
    merged = merge_datasets(
        sources,
        arguments.out,
        same=arguments.same,
        unseen=arguments.unseen,
        show_progress=not arguments.quiet,
    )
    print(f"train: {len(merged.ids('train'))} images, {len(merged.foreground)} classes")
    print(f"written: {merged.root / DESCRIPTION_FILE}")
    return 0
