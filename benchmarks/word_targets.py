"""What the targets of the text stage are worth before any training: VOC's names and synonyms.

    python -m benchmarks.word_targets voc_subset coco_subset

Other names and kinds of trained words, by WordNet, get the feature that `python -m training.pretrain words`
would teach the text tower; all others keep theirs. Masks count as in benchmarks.embedded_table at 320 pixels.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.embedded_model import with_plain_names
from benchmarks.embedded_table import SYNONYMS, Column, measure
from training.dataset_description import DatasetDescription
from training.pretrain.hierarchy import related_lemmas
from training.pretrain.lexicon import trained_words
from training.pretrain.text_targets import moved_features, own_features
from training.pretrain.wordnet import DEBIAN_FOLDER, WordNet
from zegclip_core.heads import SegmentationHead
from zegclip_core.labels import Label
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import build_segmenter

_LEVELS = 4
_SIDE = 320


@dataclass(frozen=True, slots=True)
class GivenFeatures:
    """Stands where a text bank does, with features from a table."""

    features: Mapping[str, Tensor]

    def embed(self, labels: Sequence[Label]) -> tuple[Tensor, Tensor]:
        """Features (N, D) of labels of one word each, and the label of each."""
        return torch.stack([self.features[label.name] for label in labels]), torch.arange(len(labels))


@dataclass(frozen=True, slots=True)
class Subject:
    """What `measure` looks at of a segmenter."""

    head: SegmentationHead
    text_bank: GivenFeatures


def main() -> None:
    """Print the figures before, and for each pull."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("voc", type=Path)
    parser.add_argument("coco", type=Path)
    parser.add_argument("--pull", type=float, action="append", help="0.6 and 0.8")
    parser.add_argument("--wordnet", type=Path, default=DEBIAN_FOLDER)
    options = parser.parse_args()
    prepare_processor(threads=1)
    segmenter = build_segmenter("zegclip-mini", device="cpu")
    backbone = segmenter.head.backbone
    voc, coco = (DatasetDescription.load(folder) for folder in (options.voc, options.coco))
    trained = trained_words([voc, coco])
    related = related_lemmas(WordNet(options.wordnet), trained, levels=_LEVELS)
    synonyms = tuple(SYNONYMS[one.name] for one in voc.foreground)
    found = {word: related[word] for word in synonyms if word in related}
    print(f"{len(found)} of {len(synonyms)} synonyms in WordNet below trained words: {', '.join(found)}")
    names = tuple(one.prompts[0] for one in with_plain_names(voc).foreground)
    words = [*dict.fromkeys((*trained, *names, *synonyms))]
    own = dict(zip(words, own_features(backbone)(words, backbone.templates), strict=True))
    states = {"names": own, "synonyms now": own}
    for pull in options.pull or (0.6, 0.8):
        states[f"synonyms, pull {pull}"] = own | moved_features(own, found, pull=pull)
    columns, features = [], {}
    for title, state in states.items():
        asked = names if title == "names" else synonyms
        marked = {f"{title}: {word}": state[word] for word in asked}
        features |= marked
        columns.append(Column(title, tuple(marked), background=False))
    subject = Subject(segmenter.head, GivenFeatures(features))
    scores = measure(subject, voc, voc.ids("val_dev"), columns, side=_SIDE)  # type: ignore[arg-type]
    for title, score in scores.items():
        print(f"{title}: {score:.1f}")


if __name__ == "__main__":
    main()
