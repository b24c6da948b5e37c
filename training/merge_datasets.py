"""Several data sets as one: classes united by their words, photographs left where they are."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.converters.label_images import IGNORE, MaskJob, convert_masks, read_png
from training.converters.output import MASK_FOLDER
from training.dataset_description import DatasetClass, DatasetDescription
from training.errors import DatasetDescriptionError

MOST_CLASSES = 255


def merge_datasets(
    sources: Mapping[str, tuple[DatasetDescription, str]],
    out: Path,
    *,
    same: Sequence[tuple[str, str]] = (),
    unseen: Sequence[str] = (),
    show_progress: bool = False,
) -> DatasetDescription:
    """Write `out/dataset.json` with one split `train` of all images, and masks in one numbering.

    Two classes are one when they share a word, whatever their names; the first data set's name is kept.

    Args:
        sources: data set and split to take, under a name for each.
        out: the folder to write.
        same: pairs of names that mean the same although they share no word.
        unseen: names (of the merged classes) that zero-shot training must not see.
        show_progress: whether to draw a progress bar.

    Raises `DatasetDescriptionError` for photographs of different suffixes, more than 255 classes, or
    unknown names in `unseen`.

    """
    descriptions = [description for description, _ in sources.values()]
    suffixes = {description.image_suffix for description in descriptions}
    if len(suffixes) > 1:
        raise DatasetDescriptionError(f"photographs end in {sorted(suffixes)}: merge sets of one kind only")
    classes = unite_classes(descriptions, same)
    if len(classes) > MOST_CLASSES:
        raise DatasetDescriptionError(f"{len(classes)} classes do not fit into 8-bit masks: merge fewer sets")
    root = Path(os.path.commonpath([d.image_path("x").parent.resolve() for d in descriptions]))
    ids = []
    for description, split in sources.values():
        folder = description.image_path("x").parent.resolve().relative_to(root)
        prefix = "" if folder == Path() else f"{folder.as_posix()}/"
        chosen = description.ids(split)
        jobs = [
            MaskJob(description.mask_path(one), out / MASK_FOLDER / f"{prefix}{one}.png", read_png)
            for one in chosen
        ]
        convert_masks(
            jobs, _table(description, classes, same), cure="repair the masks", show_progress=show_progress
        )
        ids += [f"{prefix}{one}" for one in chosen]
    (out / "splits").mkdir(parents=True, exist_ok=True)
    (out / "splits" / "train.txt").write_text("".join(f"{one}\n" for one in ids), "utf-8")
    merged = DatasetDescription(
        root=out,
        name="+".join(sources),
        classes=tuple(classes),
        splits={"train": "splits/train.txt"},
        images=Path(os.path.relpath(root, out.resolve())).as_posix(),
        image_suffix=suffixes.pop(),
        masks=MASK_FOLDER,
        unseen=tuple(unseen),
        ignore_index=IGNORE,
    )
    merged.save()
    return merged


def unite_classes(
    descriptions: Sequence[DatasetDescription], same: Sequence[tuple[str, str]]
) -> list[DatasetClass]:
    """Return the united classes, numbered from 0: background first, then in order of appearance."""
    united: list[DatasetClass] = []
    for description in descriptions:
        for one in description.classes:
            place = _place(one, united, same)
            if place is None:
                united.append(one)
            else:
                old = united[place]
                words = tuple(dict.fromkeys((*old.prompts, *one.prompts)))
                united[place] = DatasetClass(old.index, old.name, words, old.is_background)
    united.sort(key=lambda one: not one.is_background)
    return [
        DatasetClass(number, one.name, one.prompts, one.is_background) for number, one in enumerate(united)
    ]


def _place(one: DatasetClass, united: Sequence[DatasetClass], same: Sequence[tuple[str, str]]) -> int | None:
    for place, other in enumerate(united):
        if one.is_background and other.is_background:
            return place
        if one.is_background or other.is_background:
            continue
        named_the_same = (one.name, other.name) in same or (other.name, one.name) in same
        if named_the_same or {*one.prompts, one.name} & {*other.prompts, other.name}:
            return place
    return None


def _table(
    description: DatasetDescription, classes: Sequence[DatasetClass], same: Sequence[tuple[str, str]]
) -> NDArray[np.int64]:
    table = np.full(1 << 16, -1, dtype=np.int64)
    table[description.ignore_index] = IGNORE
    for one in description.classes:
        place = _place(one, classes, same)
        if place is not None:
            table[one.index] = classes[place].index
    return table
