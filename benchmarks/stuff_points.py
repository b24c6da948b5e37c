"""Does the model know stuff? Points that were marked by eye on photographs that no training saw.

    python -m benchmarks.stuff_points datasets --model zegclip-mini --long-side 320

DATASETS holds `voc_subset` and `coco_subset`. Their masks know things only, so `stuff_points.json` marks
cells of sky, tree, grass, water, road, building, wall and floor. All eight words compete, once alone and once
beside the twenty words of PASCAL VOC; figures are percent of points, and the mean over the eight words.
"""

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.embedded_model import PLAIN_NAMES
from training.dataset_description import DatasetDescription
from training.dataset_files import read_image
from training.scorer import ClassScorer
from zegclip_core.labels import Label
from zegclip_core.segmenter import Segmenter, SegmenterOptions, build_segmenter

POINTS = Path(__file__).with_name("stuff_points.json")
STUFF_WORDS = ("sky", "tree", "grass", "water", "road", "building", "wall", "floor")


@dataclass(frozen=True, slots=True)
class StuffFigures:
    """Percent of points found, by word and as the mean over words."""

    by_word: dict[str, float]

    @property
    def mean(self) -> float:
        """Every word with equal weight."""
        return sum(self.by_word.values()) / len(self.by_word)


def main() -> None:
    """Print both figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of voc_subset and coco_subset")
    parser.add_argument("--model", default="zegclip-mini")
    parser.add_argument("--long-side", type=int, help="pixels; the model's own by default")
    options = parser.parse_args()
    sizes = SegmenterOptions(long_side=options.long_side)
    segmenter = build_segmenter(options.model, device="cpu", options=sizes)
    for name, beside_things in (("stuff alone", False), ("beside things", True)):
        figures = measure_points(segmenter, options.data, beside_things=beside_things)
        words = ", ".join(f"{word} {share:.0f}" for word, share in figures.by_word.items())
        print(f"{segmenter.model_version}, {name}: {figures.mean:.1f} ({words})")


def measure_points(segmenter: Segmenter, data: Path, *, beside_things: bool) -> StuffFigures:
    """Let the words compete on every photograph with points."""
    voc = DatasetDescription.load(data / "voc_subset")
    things = tuple(PLAIN_NAMES.get(one.name, one.name) for one in voc.foreground) if beside_things else ()
    words = (*STUFF_WORDS, *things)
    scorer = ClassScorer(segmenter=segmenter, classes=[Label(name=word, prompts=(word,)) for word in words])
    document = json.loads(POINTS.read_text("utf-8"))
    cell = int(document["cell"])
    asked: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for dataset, photographs in document["points"].items():
        description = DatasetDescription.load(data / dataset)
        for image_id, marked in photographs.items():
            winners = scorer.predict(read_image(description, image_id))
            for word, places in marked.items():
                for column, row in places.split():
                    at = winners[int(row) * cell + cell // 2, int(column) * cell + cell // 2]
                    asked[word] += 1
                    found[word] += int(words[at] == word)
    return StuffFigures({word: 100 * found[word] / asked[word] for word in STUFF_WORDS})


if __name__ == "__main__":
    main()
