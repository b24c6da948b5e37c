"""What the embedded model reaches on a data set, the way its card counts: no refinement, no cleaning.

    python -m benchmarks.embedded_model DATA                    the split val_dev, plain class names
    python -m benchmarks.embedded_model DATA --long-side 512    seen larger
    python -m benchmarks.embedded_model DATA --words all        the best of all prompt words of a class

mIoU without background lets the words alone compete on the pixels of objects; mIoU with background adds the
learned "none of these". Both are means over the classes that occur in the masks.
"""

import argparse
import dataclasses
from pathlib import Path

import torch

from training.dataset_description import DatasetClass, DatasetDescription
from training.evaluate import ScoringWords, evaluate
from zegclip_core.segmenter import SegmenterOptions, build_segmenter

# Names that PASCAL VOC writes in one word.
WORDS: dict[str, ScoringWords] = {"names": "first", "first": "first", "all": "all"}
PLAIN_NAMES = {"diningtable": "dining table", "pottedplant": "potted plant", "tvmonitor": "tv monitor"}


def main() -> None:
    """Print both figures and the classes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="voc_subset")
    parser.add_argument("--model", default="zegclip-mini")
    parser.add_argument("--split", default="val_dev")
    parser.add_argument("--words", choices=WORDS, default="names")
    parser.add_argument("--long-side", type=int, help="pixels; the model's own by default")
    options = parser.parse_args()
    description = DatasetDescription.load(options.data)
    if options.words == "names":
        description = with_plain_names(description)
    segmenter = build_segmenter(
        options.model, device="cpu", options=SegmenterOptions(long_side=options.long_side)
    )
    words, background = (
        evaluate(segmenter, description, options.split, words=WORDS[options.words], background=counted)
        for counted in (False, True)
    )
    print(f"{segmenter.model_version}, {options.split}, {len(words.by_image)} images, {torch.__version__}")
    print(f"mIoU of the words present: {words.scores.m_iou:.1f}")
    print(f"mIoU with background:      {background.scores.m_iou:.1f}")
    for place, one in enumerate(words.classes):
        print(
            f"{one.name:<14} {words.scores.per_class[place]:5.1f} {background.scores.per_class[place]:5.1f}"
        )


def with_plain_names(description: DatasetDescription) -> DatasetDescription:
    """Look for every class by its name alone, as people write it."""
    return dataclasses.replace(description, classes=tuple(_plain(one) for one in description.classes))


def _plain(one: DatasetClass) -> DatasetClass:
    return dataclasses.replace(one, prompts=(PLAIN_NAMES.get(one.name, one.name),))


if __name__ == "__main__":
    main()
