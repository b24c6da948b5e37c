"""LabelMeFacade (945 street photographs, eight classes of stuff and things) to `dataset.json`.

The public copy is the authors' repository `cvjena/labelmefacade`: `images/*.jpg`, `labels/*.png`,
`train.txt`, `test.txt`. The authors ask for non-commercial and research use.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from training.converters.class_list import load_class_list
from training.converters.label_images import IGNORE, Labels, MaskJob, convert_masks
from training.converters.layout import find_file, find_folder, read_ids
from training.converters.output import (
    MASK_FOLDER,
    ConversionReport,
    count_notes,
    require_pairs,
    write_description,
)

# In the order of the class list.
COLOURS = (
    (128, 0, 0),
    (128, 0, 128),
    (128, 128, 0),
    (128, 128, 128),
    (128, 64, 0),
    (0, 128, 128),
    (0, 128, 0),
    (0, 0, 128),
)
UNKNOWN = 254
CURE = "clone the repository cvjena/labelmefacade there"


def convert_labelmefacade(
    source: Path, out: Path, *, unseen_split: str = "standard", show_progress: bool = False
) -> ConversionReport:
    """Write `out/dataset.json`, its masks (0..7, 255 = various) and its splits train and test.

    Args:
        source: the repository's folder.
        out: the folder to write; images stay where they are.
        unseen_split: a zero-shot split of the class list, or "none".
        show_progress: whether to draw a progress bar.

    Raises `DownloadLayoutError`, `UnknownMaskIdsError`, `MissingImageError`, `MissingMaskError`.

    """
    class_list = load_class_list("labelmefacade")
    unseen = class_list.unseen_names(unseen_split)
    images = find_folder(source, ["images"], what="the photographs", cure=CURE)
    labels = find_folder(source, ["labels"], what="the masks", cure=CURE)
    splits = {
        split: [
            Path(line).stem
            for line in read_ids(find_file(source, [f"{split}.txt"], what="a list", cure=CURE))
        ]
        for split in ("train", "test")
    }
    ids = [image_id for split in splits.values() for image_id in split]
    require_pairs([images / f"{i}.jpg" for i in ids], [labels / f"{i}.png" for i in ids])
    table = np.full(256, -1, dtype=np.int64)
    table[: len(COLOURS)] = np.arange(len(COLOURS))
    table[IGNORE] = IGNORE
    jobs = (MaskJob(labels / f"{i}.png", out / MASK_FOLDER / f"{i}.png", read_colours) for i in ids)
    convert_masks(jobs, table, cure="use the repository's own label pictures", show_progress=show_progress)
    path = write_description(
        out,
        name="labelmefacade",
        images=images,
        classes=class_list.dataset_classes(),
        unseen=unseen,
        splits=splits,
    )
    notes = tuple(count_notes(class_list.official_images, splits))
    return ConversionReport(path, {split: len(listed) for split, listed in splits.items()}, notes)


def read_colours(path: Path) -> Labels:
    """Read a colour mask as class indices, `IGNORE` for "various", `UNKNOWN` for any other colour."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(np.int64)
    codes = pixels @ np.array([1 << 16, 1 << 8, 1])
    indices = np.full(codes.shape, UNKNOWN, dtype=np.int64)
    for index, (red, green, blue) in enumerate(COLOURS):
        indices[codes == (red << 16 | green << 8 | blue)] = index
    indices[codes == 0] = IGNORE
    return indices
