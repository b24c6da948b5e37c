"""Which of many words a whole photograph shows: zero-shot classification, no masks, no training, no network.

    python -m benchmarks.image_level FOLDER                        FOLDER/CLASS/photo.jpg
    python -m benchmarks.image_level FOLDER --names first-blank    FOLDER/n01440764_tench.JPEG: "tench"
    python -m benchmarks.image_level FOLDER --list list.txt        lines "path, class" below FOLDER
    python -m benchmarks.image_level FOLDER --vocabulary words.txt --model zegclip-mini --model v0.safetensors

A photograph counts as found when the word of its class is the nearest of all words (top-1), or one of the
nearest five (top-5), in percent: over all photographs, and as the mean over the classes. The photograph's
feature is the class token's, or the mean of its patches'; both are told.

Classes come from folder names, file names or the list ("_" is a blank; classes of one name are one class).
All classes that occur compete, or the words of the file, one class a line ("sofa|couch": two words for one
class, the first is its name). The shorter side becomes --side pixels, the middle square is seen, as CLIP was
evaluated.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from backend.images.loader import decode_image
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.encoding import image_pixels
from zegclip_core.labels import Label, plain_word, split_synonyms
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import build_segmenter
from zegclip_core.text_bank import TextBank

PHOTOGRAPHS = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
FEATURES = ("class token", "mean patch")


@dataclass(frozen=True, slots=True)
class Shown:
    """A photograph and the word for what it shows."""

    path: Path
    word: str


@dataclass(frozen=True, slots=True)
class Figures:
    """Percent of photographs whose word was found, and the mean over the classes that occur."""

    top_1: float
    top_5: float
    classes_top_1: float
    classes_top_5: float


def main() -> None:
    """Print a row for each model and feature."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the photographs")
    parser.add_argument("--list", type=Path, help='"path, class" on each line, paths below FOLDER')
    parser.add_argument("--names", choices=("folders", "first-blank"), default="folders")
    parser.add_argument("--vocabulary", type=Path, help="words that compete, one a line")
    parser.add_argument(
        "--leave-out", default="", help="classes that do not count, such as BACKGROUND_Google"
    )
    parser.add_argument("--each", type=int, help="so many photographs of each class at most, the first ones")
    parser.add_argument("--model", action="append", help="notation; several are compared (zegclip-mini)")
    parser.add_argument("--side", type=int, default=256, help="pixels (default: 256)")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    prepare_processor(threads=options.threads)
    left_out = {plain_word(word) for word in options.leave_out.split(",")}
    shown = [one for one in _read(options) if one.word not in left_out]
    shown = limited(shown, options.each)
    words = read_vocabulary(options.vocabulary) if options.vocabulary else labels_of(shown)
    print(
        f"{len(shown)} photographs of {len({one.word for one in shown})} classes, {len(words)} words compete"
    )
    print(
        "| model | feature | top-1 | top-5 | top-1, classes | top-5, classes |\n| --- " + "| --- " * 5 + "|"
    )
    for notation in options.model or ["zegclip-mini"]:
        backbone = build_segmenter(notation, device="cpu").head.backbone
        features = encode(backbone, shown, side=options.side)
        text, owners = TextBank(backbone=backbone).embed(words)
        truth = places(shown, words)
        for number, feature in enumerate(FEATURES):
            found = score(features[:, number], text, owners, truth)
            cells = (found.top_1, found.top_5, found.classes_top_1, found.classes_top_5)
            figures = " | ".join(f"{figure:.1f}" for figure in cells)
            print(f"| {backbone.model_version} | {feature} | {figures} |", flush=True)


def from_folders(folder: Path) -> Iterator[Shown]:
    """Yield the photographs of FOLDER/CLASS, at any depth below a class."""
    for kind in sorted(path for path in folder.iterdir() if path.is_dir()):
        for path in sorted(kind.rglob("*")):
            if path.suffix.lower() in PHOTOGRAPHS:
                yield Shown(path, plain_word(kind.name))


def from_file_names(folder: Path) -> Iterator[Shown]:
    """Yield FOLDER/KEY_some_class.jpg: what follows the first underscore is the class."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in PHOTOGRAPHS and "_" in path.stem:
            yield Shown(path, plain_word(path.stem.split("_", 1)[1]))


def from_list(folder: Path, listed: Path) -> Iterator[Shown]:
    """Yield the lines "path, class" of a file."""
    with listed.open(encoding="utf-8", newline="") as lines:
        for row in csv.reader(lines, skipinitialspace=True):
            if row:
                yield Shown(folder / row[0].strip(), plain_word(row[1]))


def limited(shown: Sequence[Shown], each: int | None) -> list[Shown]:
    """Keep the first photographs of each class."""
    counts: dict[str, int] = {}
    kept = []
    for one in shown:
        counts[one.word] = counts.get(one.word, 0) + 1
        if each is None or counts[one.word] <= each:
            kept.append(one)
    return kept


def labels_of(shown: Sequence[Shown]) -> list[Label]:
    """Return the classes that occur, in the order of their first photographs."""
    return [Label(word, (word,)) for word in dict.fromkeys(one.word for one in shown)]


def read_vocabulary(path: Path) -> list[Label]:
    """Read words, one class a line."""
    lines = [split_synonyms(line) for line in path.read_text("utf-8").splitlines()]
    return [Label(plain_word(words[0]), words) for words in lines if words]


def places(shown: Sequence[Shown], words: Sequence[Label]) -> Tensor:
    """Return the place of each photograph's class among the words (N,); exits where one is missing."""
    known = {label.name: place for place, label in enumerate(words)}
    missing = sorted({one.word for one in shown} - set(known))
    if missing:
        raise SystemExit(f"the vocabulary lacks {len(missing)} classes that occur: {', '.join(missing[:8])}")
    return torch.tensor([known[one.word] for one in shown])


@torch.inference_mode()
def encode(backbone: Backbone, shown: Sequence[Shown], *, side: int) -> Tensor:
    """Return both features of every photograph (N, 2, D), of unit length."""
    rows = []
    for one in tqdm(shown, unit="photo", disable=None):
        pixels = middle_square(decode_image(one.path.read_bytes()), side)
        images = image_pixels(pixels).unsqueeze(0)
        patches, token = backbone.encode_image(backbone.normalise(images))
        rows.append(torch.cat((token, F.normalize(patches.mean(dim=(2, 3)), dim=1))))
    return torch.stack(rows)


def middle_square(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return the middle (side, side, 3) of a photograph (H, W, 3) whose shorter side became `side`."""
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    top, left = (size[1] - side) // 2, (size[0] - side) // 2
    return np.ascontiguousarray(resized[top : top + side, left : left + side])


def score(features: Tensor, text: Tensor, owners: Tensor, truth: Tensor) -> Figures:
    """Rank the classes by their best words for each photograph, and count."""
    likeness = features @ text.T
    classes = int(owners.max()) + 1
    best = likeness.new_full((len(likeness), classes), -2.0)
    best = best.scatter_reduce(1, owners.expand_as(likeness), likeness, "amax")
    ranked = best.topk(min(5, classes), dim=1).indices == truth[:, None]
    right = torch.stack((ranked[:, 0], ranked.any(dim=1)), dim=1).double()
    of_classes = torch.stack([right[truth == place].mean(dim=0) for place in truth.unique()]).mean(dim=0)
    over_all = right.mean(dim=0)
    return Figures(*(100 * float(value) for value in (*over_all, *of_classes)))


def _read(options: argparse.Namespace) -> list[Shown]:
    if options.list:
        return list(from_list(options.folder, options.list))
    return list(
        from_file_names(options.folder) if options.names == "first-blank" else from_folders(options.folder)
    )


if __name__ == "__main__":
    main()
