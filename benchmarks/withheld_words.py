"""Zero-shot proper: how a model does on words that were withheld from its training, beside all others.

    python -m benchmarks.withheld_words voc_subset:val_dev coco_subset:val --withhold words.txt \\
        --model runs/tower/zegclip-mini.safetensors

All words of a data set compete at every pixel (the generalised protocol), by their plain names, without
refinement. Seen and unseen are mean IoU in percent over the words that occur, hIoU is their harmonic mean.
Without background, only the pixels of objects count; with it, "none of these" competes and counts as seen.
A model prefers what it has seen; `--seen-bias` lowers the logits of seen words by so much (Chao et al., "An
Empirical Study and Analysis of Generalized Zero-Shot Learning", ECCV 2016).
"""

import argparse
import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from tqdm import tqdm

from benchmarks.embedded_model import with_plain_names
from benchmarks.embedded_table import SIDES, pixels_at
from training.dataset_description import DatasetDescription
from training.dataset_files import read_image, read_mask
from training.evaluate import IGNORED_TARGET, counted_classes, target_table
from training.metrics import ConfusionMatrix, Scores
from training.pretrain.source_options import read_source
from training.pretrain.withholding import listed_words, withhold
from zegclip_core.labels import Label
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import Segmenter, build_segmenter


def main() -> None:
    """Print a row for each model, size and way of counting, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", nargs="+", metavar="FOLDER:SPLIT")
    parser.add_argument("--withhold", required=True, metavar="WORDS", help="a file, or separated by commas")
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--side", type=int, action="append", help="longer side in pixels; 320 and 512")
    parser.add_argument("--seen-bias", type=float, action="append", metavar="LOGIT", help="0 by default")
    parser.add_argument("--every", type=int, default=1, help="take every N-th photograph")
    options = parser.parse_args()
    prepare_processor(threads=1)
    sources = [read_source(text) for text in options.data]
    withheld = withhold(listed_words(options.withhold), [one.description for one in sources])
    print(f"unseen: {', '.join(sorted(withheld.words))}")
    print(
        "| model | data | side | bias | background | seen | unseen | hIoU | mIoU |\n|" + " --- |" * 9,
        flush=True,
    )
    choices = itertools.product(options.model, options.side or SIDES, options.seen_bias or (0.0,))
    for notation, side, bias in choices:
        segmenter = build_segmenter(notation, device="cpu")
        for source, unseen in zip(sources, withheld.classes, strict=True):
            ids = source.description.ids(source.split)[:: options.every]
            both = measure(segmenter, source.description, ids, unseen, side=side, seen_bias=bias)
            for background, scores in zip(("without", "with"), both, strict=True):
                figures = (scores.m_iou_seen, scores.m_iou_unseen, scores.h_iou, scores.m_iou)
                told = (notation, source.description.name, str(side), f"{bias:g}", background)
                cells = [*told, *(f"{figure:.1f}" for figure in figures)]
                print("| " + " | ".join(cells) + " |", flush=True)


@torch.inference_mode()
def measure(
    segmenter: Segmenter,
    description: DatasetDescription,
    ids: Sequence[str],
    unseen: Sequence[str],
    *,
    side: int,
    seen_bias: float = 0.0,
) -> tuple[Scores, Scores]:
    """Return the figures without and with background; the tower sees each photograph once.

    Args:
        segmenter: the model.
        description: the data set.
        ids: photographs of it.
        unseen: names of its withheld classes.
        side: longer side in pixels.
        seen_bias: subtracted from the logits of all other words.

    """
    head = segmenter.head
    plain = with_plain_names(description)
    labels = [Label(name=one.name, prompts=one.prompts) for one in plain.foreground]
    text, _ = segmenter.text_bank.embed(labels)
    lowered = torch.tensor([0.0 if one.name in unseen else seen_bias for one in plain.foreground])
    classes = [counted_classes(description, background) for background in (False, True)]
    matrices = [ConfusionMatrix(len(one)) for one in classes]
    tables = [target_table(description, one) for one in classes]
    for image_id in tqdm(ids, unit="image", leave=False):
        image = read_image(description, image_id)
        size = (image.shape[0], image.shape[1])
        mask = read_mask(description, image_id, shape=size)
        logits = head.logits(head.encode(head.backbone.normalise(pixels_at(segmenter, image, side))), text)
        logits = logits - lowered.view(1, -1, 1, 1)
        none = logits.new_full((1, 1, *logits.shape[-2:]), head.none_logit or 0.0)
        wide = F.interpolate(
            torch.cat((logits, none), dim=1), size=size, mode="bilinear", align_corners=False
        )[0]
        for candidates, table, matrix in zip((wide[:-1], wide), tables, matrices, strict=True):
            matrix.update(candidates.argmax(dim=0).numpy(), table[mask], IGNORED_TARGET)
    first, second = (
        matrix.scores(unseen=[place for place, one in enumerate(listed) if one.name in unseen])
        for matrix, listed in zip(matrices, classes, strict=True)
    )
    return first, second


if __name__ == "__main__":
    main()
