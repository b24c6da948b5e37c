"""Twenty-four photographs drawn at random, each beside its masks, in one picture.

    python -m benchmarks.mask_sheet DATA --out sheet.png --words "sky, grass" [--model zegclip-mini]

The photographs are drawn by the seed from the split, not chosen. Every class of the data set competes, and so
do the extra words of `--words`; masks are made as predictions make them, with refinement.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from benchmarks.embedded_model import with_plain_names
from training.dataset_description import DatasetDescription
from training.dataset_files import read_image
from zegclip_core.labels import Label, parse_words
from zegclip_core.segmenter import Segmenter, build_segmenter

COUNT, COLUMNS, SIDE, LEGEND = 24, 4, 240, 28


def main() -> None:
    """Draw, segment and save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", default="val_dev")
    parser.add_argument("--model", default="zegclip-mini")
    parser.add_argument("--words", default="", help="words beside those of the data set")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    description = with_plain_names(DatasetDescription.load(options.data))
    labels = [Label(name=one.prompts[0], prompts=one.prompts) for one in description.foreground]
    labels += parse_words(options.words) if options.words else []
    ids = description.ids(options.split)
    drawn = np.random.default_rng(options.seed).permutation(len(ids))[:COUNT]
    segmenter = build_segmenter(options.model, device="cpu")
    tiles = [tile(segmenter, read_image(description, ids[place]), labels) for place in drawn]
    sheet = Image.new("RGB", (COLUMNS * tiles[0].width, -(-len(tiles) // COLUMNS) * tiles[0].height), "white")
    for number, picture in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        sheet.paste(picture, (column * picture.width, row * picture.height))
    sheet.save(options.out)
    print(f"{segmenter.model_version}: {len(tiles)} photographs in {options.out}")


def tile(segmenter: Segmenter, image: NDArray[np.uint8], labels: list[Label]) -> Image.Image:
    """Return a photograph, its masks over it, and below them the names in their colours."""
    masks = segmenter.segment(image, labels).label_map
    colours = palette(len(labels))
    painted = image.copy()
    found = [int(number) - 1 for number in np.unique(masks) if number > 0]
    for place in found:
        inside = masks == place + 1
        painted[inside] = (0.4 * image[inside] + 0.6 * colours[place]).astype(np.uint8)
    picture = Image.new("RGB", (2 * SIDE + 8, SIDE + LEGEND), "white")
    for left, pixels in ((0, image), (SIDE, painted)):
        small = Image.fromarray(pixels)
        small.thumbnail((SIDE, SIDE))
        picture.paste(small, (left, 0))
    pen = ImageDraw.Draw(picture)
    at = 4.0
    for place in found:
        pen.text((at, SIDE + 8), labels[place].name, fill=tuple(int(c) for c in colours[place]))
        at += pen.textlength(labels[place].name) + 10
    return picture


def palette(count: int) -> NDArray[np.uint8]:
    """Return colours (count, 3) that differ, the same ones each time."""
    hues = (np.arange(count) * 0.618034) % 1
    shades = np.stack([hues * 255, np.full(count, 200), 150 + 60 * (np.arange(count) % 2)], axis=1)
    pixels = Image.fromarray(shades.astype(np.uint8)[None], mode="HSV").convert("RGB")
    return np.asarray(pixels)[0]


if __name__ == "__main__":
    main()
