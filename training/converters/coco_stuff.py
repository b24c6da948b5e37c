"""COCO-Stuff 164k (171 classes) to `dataset.json`.

Official downloads: COCO's `train2017.zip` and `val2017.zip`, and `stuffthingmaps_trainval2017.zip`
(Caesar et al., "COCO-Stuff: Thing and Stuff Classes in Context", CVPR 2018).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from training.converters.class_list import ClassList, load_class_list
from training.converters.label_images import IGNORE, MaskJob, Survey, convert_masks, read_png, survey_masks
from training.converters.layout import find_folder
from training.converters.output import (
    MASK_FOLDER,
    ConversionReport,
    count_notes,
    require_pairs,
    write_description,
)
from training.errors import DownloadLayoutError, LabelIdsError

LabelIds: TypeAlias = Literal["auto", "raw", "train"]

SPLITS = {"train": "train2017", "val": "val2017"}
TRAIN_ID_SUFFIX = "_labelTrainIds"
SOURCE_VALUES = 182
MASK_CURE = "unzip stuffthingmaps_trainval2017.zip there"
IMAGE_CURE = "unzip COCO's train2017.zip and val2017.zip there"
ID_CURE = "the official files hold category id - 1 (0..181, 255 unlabelled), converted ones 0..170 and 255"


def convert_coco_stuff(
    source: Path,
    out: Path,
    *,
    unseen_split: str = "standard",
    label_ids: LabelIds = "auto",
    show_progress: bool = False,
) -> ConversionReport:
    """Write `out/dataset.json`, its masks (0..170, 255 ignored) and its splits train and val.

    Args:
        source: a folder with the images in `images/` (or directly) and the masks in `stuffthingmaps/` or
            `annotations/`, each with `train2017` and `val2017`.
        out: the folder to write; images stay where they are.
        unseen_split: a zero-shot split of the class list, or "none".
        label_ids: what the masks hold: "raw" official values, "train" ids, or "auto" to look.
        show_progress: whether to draw a progress bar.

    Raises `DownloadLayoutError`, `MaskContentError`, `LabelIdsError`, `LabelIdsError`,
    `UnknownMaskIdsError`, `MissingImageError`, `UnknownMaskIdsError`.

    """
    class_list = load_class_list("coco_stuff")
    unseen = class_list.unseen_names(unseen_split)
    _refuse_the_10k_version(source)
    images = find_folder(source, ["images", "."], what="the photographs", cure=IMAGE_CURE)
    masks = find_folder(source, ["stuffthingmaps", "annotations"], what="the masks", cure=MASK_CURE)
    splits: dict[str, list[str]] = {}
    sources: dict[str, Path] = {}
    for split, folder in SPLITS.items():
        find_folder(images, [folder], what=f"the photographs of {folder}", cure=IMAGE_CURE)
        found = _masks_of(find_folder(masks, [folder], what=f"the masks of {folder}", cure=MASK_CURE))
        splits[split] = [f"{folder}/{name}" for name in found]
        sources |= {f"{folder}/{name}": path for name, path in found.items()}
    require_pairs([images / f"{i}.jpg" for i in sources], list(sources.values()))
    paths = list(sources.values())
    kind = label_ids if label_ids != "auto" else detect_label_ids(paths, class_list)
    jobs = (MaskJob(path, out / MASK_FOLDER / f"{i}.png", read_png) for i, path in sources.items())
    convert_masks(jobs, label_table(kind, class_list), cure=ID_CURE, show_progress=show_progress)
    path = write_description(
        out,
        name="coco_stuff164k",
        images=images,
        classes=class_list.dataset_classes(),
        unseen=unseen,
        splits=splits,
    )
    notes = [f"the masks hold {'official values' if kind == 'raw' else 'training ids already'}"]
    notes += count_notes(class_list.official_images, splits)
    return ConversionReport(path, {split: len(ids) for split, ids in splits.items()}, tuple(notes))


def label_table(kind: Literal["raw", "train"], class_list: ClassList) -> NDArray[np.int64]:
    """Return the look-up table from mask values to class ids 0..170; -1 marks values that may not occur."""
    table = np.full(256, -1, dtype=np.int64)
    kept = [v for v in range(SOURCE_VALUES) if v not in class_list.removed_source_ids]
    table[kept if kind == "raw" else list(range(len(class_list.names)))] = np.arange(len(class_list.names))
    table[IGNORE] = IGNORE
    return table


def detect_label_ids(paths: Sequence[Path], class_list: ClassList) -> Literal["raw", "train"]:
    """Tell official values from training ids by file names and by the values that only one kind has.

    Official masks never hold the values of removed categories (11 street sign, 25 hat, ...) and do hold
    values above 170; training ids are the other way round. A model that takes official values for training
    ids learns only the first eleven classes.
    """
    named = {path.stem.endswith(TRAIN_ID_SUFFIX) for path in paths}
    survey = survey_masks(paths, read_png)
    raw_only = {v for v in survey.ids if v >= len(class_list.names)}
    train_only = survey.ids & set(class_list.removed_source_ids)
    if (raw_only and train_only) or len(named) > 1 or (raw_only and named == {True}):
        raise LabelIdsError(
            f"masks below {paths[0].parent} mix official values ({_some(raw_only)}) and training ids "
            f"({_some(train_only)}, or names ending in {TRAIN_ID_SUFFIX}): start from a fresh copy of the zip"
        )
    if raw_only:
        return "raw"
    if train_only or named == {True}:
        return "train"
    return _undecided(survey, paths)


def _undecided(survey: Survey, paths: Sequence[Path]) -> Literal["raw", "train"]:
    raise LabelIdsError(
        f"{survey.files} masks below {paths[0].parent} hold only values that official masks and training ids "
        "share: say which they are with --label-ids raw or --label-ids train"
    )


def _masks_of(folder: Path) -> Mapping[str, Path]:
    """Image names and their masks; where both kinds lie side by side, as mmseg leaves them, training ids."""
    found = {path.stem: path for path in sorted(folder.glob("*.png"))}
    converted = {
        stem.removesuffix(TRAIN_ID_SUFFIX): path
        for stem, path in found.items()
        if stem.endswith(TRAIN_ID_SUFFIX)
    }
    return converted or found


def _refuse_the_10k_version(source: Path) -> None:
    if (source / "imageLists").is_dir() or (source / "imagesLists").is_dir():
        raise DownloadLayoutError(
            f"{source} holds COCO-Stuff 10k (it has image lists and .mat masks), the benchmark uses the 164k "
            "version: get train2017.zip, val2017.zip and stuffthingmaps_trainval2017.zip"
        )


def _some(values: set[int]) -> str:
    return ", ".join(str(value) for value in sorted(values)[:5]) or "none"
