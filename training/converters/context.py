"""PASCAL Context with its 59 frequent classes (60 with background) to `dataset.json`.

Official downloads: `VOCtrainval_03-May-2010.tar` (photographs and lists) and either the 459-class `.mat`
files of Mottaghi et al. (CVPR 2014, `trainval.tar.gz`) or the PNG masks with 60 values that other tools make
of them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from training.converters.class_list import ClassList, load_class_list
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
from training.converters.layout import find_file, find_folder, find_optional_folder, read_ids
from training.converters.output import (
    MASK_FOLDER,
    ConversionReport,
    count_notes,
    require_pairs,
    write_description,
)
from training.errors import DownloadLayoutError, LabelIdsError, UnknownMaskIdsError

ROOT_CURE = "unpack VOCtrainval_03-May-2010.tar there, or name the folder that holds VOC2010"
MASK_CURE = (
    "unpack the Context download so that trainval/*.mat lies there, or put 60-value PNG masks "
    "into SegmentationClassContext (trainval_merged.json alone is not read)"
)
OFFICIAL_CLASSES = 459


def convert_context(
    source: Path,
    out: Path,
    *,
    unseen_split: str = "standard",
    classes: Literal[59, 60] = 59,
    show_progress: bool = False,
) -> ConversionReport:
    """Write `out/dataset.json`, its masks (0 background, 1..59 classes) and its splits train and val.

    Args:
        source: a folder that is, or contains, `VOC2010`, with `trainval/*.mat` or
            `SegmentationClassContext/*.png`.
        out: the folder to write; images stay where they are.
        unseen_split: "standard" (ZS3, ZegCLIP, OTSeg), "cascade" (Cascade-CLIP) or "none"; results under the
            two are not comparable.
        classes: 59 leaves background unpainted and out of the metric, 60 makes it a class like any other.
        show_progress: whether to draw a progress bar.

    Raises `DownloadLayoutError`, `MaskContentError`, `LabelIdsError`, `UnknownMaskIdsError`,
    `MissingImageError`, `UnknownMaskIdsError`, `MissingExtraError`.

    """
    class_list = load_class_list("context")
    unseen = class_list.unseen_names(unseen_split)
    root = find_folder(source, ["VOCdevkit/VOC2010", "VOC2010", "."], what="VOC 2010", cure=ROOT_CURE)
    images = find_folder(root, ["JPEGImages"], what="the photographs", cure=ROOT_CURE)
    masks = _find_masks(source, root, class_list)
    splits = _read_splits(root, masks)
    ids = [i for listed in splits.values() for i in listed]
    paths = [masks.folder / f"{i}{masks.suffix}" for i in ids]
    require_pairs([images / f"{i}.jpg" for i in ids], paths)
    if masks.suffix == ".png":
        _refuse_other_versions(paths)
    jobs = (
        MaskJob(path, out / MASK_FOLDER / f"{i}.png", masks.read) for i, path in zip(ids, paths, strict=True)
    )
    convert_masks(jobs, masks.table, cure=MASK_CURE, show_progress=show_progress)
    path = write_description(
        out,
        name=f"pascal_context{classes}",
        images=images,
        classes=class_list.dataset_classes(background_competes=classes == 60),
        unseen=unseen,
        splits=splits,
    )
    notes = [
        f"{classes} classes, unseen split {unseen_split!r}: compare only with figures that use the same two",
        *count_notes(class_list.official_images, splits),
    ]
    return ConversionReport(path, {split: len(listed) for split, listed in splits.items()}, tuple(notes))


@dataclass(frozen=True, slots=True)
class _Masks:
    folder: Path
    suffix: str
    read: ReadLabels
    table: NDArray[np.int64]


def _find_masks(source: Path, root: Path, class_list: ClassList) -> _Masks:
    pngs = find_optional_folder(root, ["SegmentationClassContext"])
    if pngs:
        return _Masks(pngs, ".png", read_png, png_table(class_list))
    candidates = [source / "trainval", root / "trainval", source]
    mats = next((folder for folder in candidates if any(folder.glob("*.mat"))), None)
    if mats is None:
        raise DownloadLayoutError(f"no Context masks below {source}: {MASK_CURE}")
    names = next(
        (p / "labels.txt" for p in (mats, mats.parent, source) if (p / "labels.txt").is_file()), None
    )
    if names:
        _check_official_names(names, class_list)
    return _Masks(mats, ".mat", _read_label_map, official_table(class_list))


def png_table(class_list: ClassList) -> NDArray[np.int64]:
    """Return the look-up table of 60-value PNG masks: unchanged, 255 ignored."""
    table = np.full(256, -1, dtype=np.int64)
    table[: len(class_list.names) + 1] = np.arange(len(class_list.names) + 1)
    table[IGNORE] = IGNORE
    return table


def official_table(class_list: ClassList) -> NDArray[np.int64]:
    """Return the look-up table of the 459-class `.mat` files: 1..59 for the frequent classes, else 0."""
    table = np.zeros(OFFICIAL_CLASSES + 1, dtype=np.int64)
    table[list(class_list.source_ids)] = np.arange(1, len(class_list.names) + 1)
    return table


def _read_label_map(path: Path) -> Labels:
    return read_mat(path, "LabelMap")


def _read_splits(root: Path, masks: _Masks) -> dict[str, list[str]]:
    cure = "take the lists of VOC 2010's main task, or mmsegmentation's SegmentationContext lists"
    splits = {}
    for split in ("train", "val"):
        places = [f"ImageSets/SegmentationContext/{split}.txt", f"ImageSets/Main/{split}.txt"]
        path = find_file(root, places, what=f"the list of {split} images", cure=cure)
        listed = read_ids(path)
        if path.parent.name == "Main":
            listed = [i for i in listed if (masks.folder / f"{i}{masks.suffix}").is_file()]
        splits[split] = listed
    return splits


def _check_official_names(path: Path, class_list: ClassList) -> None:
    """Compare our ids with the download's `labels.txt` ("2: aeroplane"): a shifted list would mix classes."""
    lines = (line.split(":", 1) for line in path.read_text("utf-8").splitlines() if ":" in line)
    official = {int(number): name.strip().replace(" ", "") for number, name in lines}
    for number, name in zip(class_list.source_ids, class_list.names, strict=True):
        if number in official and official[number] != name:
            raise UnknownMaskIdsError(
                f"{path} calls label {number} {official[number]!r} where {name!r} is expected: "
                "this is another version of PASCAL Context, get trainval.tar.gz of the 459-class release"
            )


def _refuse_other_versions(paths: list[Path]) -> None:
    survey = survey_masks(paths, read_png)
    folder = paths[0].parent
    if max(survey.ids, default=0) > 59:
        raise UnknownMaskIdsError(
            f"masks in {folder} hold ids up to {max(survey.ids)}: these are not the 60-value masks "
            "(0 background, 1..59); for all 459 classes give the official trainval/*.mat"
        )
    if 59 not in survey.ids and survey.ignored_share > 0.05:
        raise LabelIdsError(
            f"masks in {folder} hold 0..58 and {survey.ignored_share:.0%} of 255: they went through "
            "reduce_zero_label already (0 is aeroplane, background is lost). Give masks with 0 = background "
            "and 1..59 = classes; whether background counts is chosen with --classes 59 or --classes 60"
        )
