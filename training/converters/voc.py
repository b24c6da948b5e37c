"""PASCAL VOC 2012 with the augmented training masks (SBD), to `dataset.json`.

Official downloads: `VOCtrainval_11-May-2012.tar`, and SBD's `benchmark.tgz`
(Hariharan et al., "Semantic contours from inverse detectors", ICCV 2011).
"""

from pathlib import Path

import numpy as np

from training.converters.class_list import load_class_list
from training.converters.label_images import (
    IGNORE,
    Labels,
    MaskJob,
    ReadLabels,
    convert_masks,
    read_mat,
    read_png,
    survey_masks,
)
from training.converters.layout import find_folder, find_optional_folder, read_ids
from training.converters.output import (
    MASK_FOLDER,
    ConversionReport,
    count_notes,
    require_pairs,
    write_description,
)
from training.errors import LabelIdsError

VOC_CURE = "unpack VOCtrainval_11-May-2012.tar there, or name the folder that holds VOCdevkit or VOC2012"
ID_CURE = "VOC masks hold 0..20 and 255; masks of single objects lie in SegmentationObject, do not use those"


def convert_voc(
    source: Path, out: Path, *, unseen_split: str = "standard", show_progress: bool = False
) -> ConversionReport:
    """Write `out/dataset.json`, its masks and its splits train, val and, where SBD is found, train_aug.

    Args:
        source: a folder that is, or contains, `VOC2012`; augmented masks as `SegmentationClassAug/*.png`
            or SBD's `cls/*.mat` are found beside it.
        out: the folder to write; images stay where they are.
        unseen_split: a zero-shot split of the class list, or "none".
        show_progress: whether to draw a progress bar.

    Raises `DownloadLayoutError`, `MaskContentError`, `LabelIdsError`, `UnknownMaskIdsError`,
    `MissingImageError`, `UnknownMaskIdsError`.

    """
    class_list = load_class_list("voc")
    unseen = class_list.unseen_names(unseen_split)
    root = find_folder(source, ["VOCdevkit/VOC2012", "VOC2012", "."], what="VOC 2012", cure=VOC_CURE)
    images = find_folder(root, ["JPEGImages"], what="the photographs", cure=VOC_CURE)
    fine = find_folder(root, ["SegmentationClass"], what="the masks", cure=VOC_CURE)
    lists = find_folder(root, ["ImageSets/Segmentation"], what="the image lists", cure=VOC_CURE)
    splits = {"train": read_ids(lists / "train.txt"), "val": read_ids(lists / "val.txt")}
    sources: dict[str, tuple[Path, ReadLabels]] = {
        i: (fine / f"{i}.png", read_png) for ids in splits.values() for i in ids
    }
    augmented = _augmented_masks(source, root)
    notes = []
    if augmented:
        listed = read_ids(lists / "aug.txt") if (lists / "aug.txt").is_file() else sorted(augmented)
        extra = [i for i in listed if i not in sources and i in augmented]
        sources |= {i: augmented[i] for i in extra}
        splits["train_aug"] = [*splits["train"], *extra]
    else:
        notes.append(
            "no augmented masks (SegmentationClassAug or SBD's dataset/cls) found: papers train on train_aug"
        )
    require_pairs([images / f"{i}.jpg" for i in sources], [path for path, _ in sources.values()])
    _refuse_reduced_labels([fine / f"{i}.png" for i in splits["train"] + splits["val"]])
    jobs = (MaskJob(path, out / MASK_FOLDER / f"{i}.png", read) for i, (path, read) in sources.items())
    table = np.full(256, -1, dtype=np.int64)
    table[:21] = np.arange(21)
    table[IGNORE] = IGNORE
    convert_masks(jobs, table, cure=ID_CURE, show_progress=show_progress)
    path = write_description(
        out,
        name="voc2012",
        images=images,
        classes=class_list.dataset_classes(),
        unseen=unseen,
        splits=splits,
    )
    notes += count_notes(class_list.official_images, splits)
    return ConversionReport(path, {split: len(ids) for split, ids in splits.items()}, tuple(notes))


def _augmented_masks(source: Path, root: Path) -> dict[str, tuple[Path, ReadLabels]]:
    pngs = find_optional_folder(root, ["SegmentationClassAug"])
    if pngs:
        return {path.stem: (path, read_png) for path in pngs.glob("*.png")}
    places = [
        "benchmark_RELEASE/dataset/cls",
        "VOCaug/dataset/cls",
        "VOCdevkit/VOCaug/dataset/cls",
        "SBD/cls",
    ]
    mats = find_optional_folder(source, places)
    if mats:
        return {path.stem: (path, _read_sbd) for path in mats.glob("*.mat")}
    return {}


def _read_sbd(path: Path) -> Labels:
    return read_mat(path, "GTcls", "Segmentation")


def _refuse_reduced_labels(masks: list[Path]) -> None:
    survey = survey_masks(masks, read_png)
    if survey.ignored_share > 0.5 and 20 not in survey.ids:
        raise LabelIdsError(
            f"{survey.ignored_share:.0%} of the pixels in {masks[0].parent} are 255 and none is 20: these "
            "masks went through reduce_zero_label already (0 is aeroplane, background is lost). Give the "
            "official SegmentationClass; the 20-class protocol leaves the background out by itself"
        )
