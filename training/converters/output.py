"""Write `dataset.json` and its split files, last and in one step, so that a broken conversion leaves none."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.converters.label_images import IGNORE
from training.dataset_description import DatasetClass, DatasetDescription
from training.errors import EmptySplitError, MissingImageError, MissingMaskError

MASK_FOLDER = "masks"


@dataclass(frozen=True, slots=True)
class ConversionReport:
    """What a conversion wrote.

    Attributes:
        description: path of `dataset.json`.
        images: number of images per split.
        notes: what the user should know about this copy of the data, one sentence each.

    """

    description: Path
    images: Mapping[str, int]
    notes: tuple[str, ...] = ()


def require_pairs(images: Sequence[Path], masks: Sequence[Path]) -> None:
    """Raise `MissingMaskError` or `MissingImageError` for listed files that do not exist."""
    for paths, error, what in ((images, MissingImageError, "image"), (masks, MissingMaskError, "mask")):
        missing = [path for path in paths if not path.is_file()]
        if missing:
            raise error(
                f"{len(missing)} of {len(paths)} listed {what}s do not exist, first {missing[0]}: "
                "unpack the download completely, or take their ids out of the list"
            )


def write_description(
    out: Path,
    *,
    name: str,
    images: Path,
    classes: Sequence[DatasetClass],
    unseen: Sequence[str],
    splits: Mapping[str, Sequence[str]],
    image_suffix: str = ".jpg",
) -> Path:
    """Write the split files, then `dataset.json`; the masks already lie in `out / MASK_FOLDER`.

    Raises `EmptySplitError` for a split without images.
    """
    for split, ids in splits.items():
        if not ids:
            raise EmptySplitError(f"split {split!r} of {name} has no images: check the list it was read from")
    (out / "splits").mkdir(parents=True, exist_ok=True)
    for split, ids in splits.items():
        (out / "splits" / f"{split}.txt").write_text("".join(f"{i}\n" for i in ids), "utf-8")
    description = DatasetDescription(
        root=out,
        name=name,
        classes=tuple(classes),
        splits={split: f"splits/{split}.txt" for split in splits},
        images=Path(os.path.relpath(images.resolve(), out.resolve())).as_posix(),
        image_suffix=image_suffix,
        masks=MASK_FOLDER,
        unseen=tuple(unseen),
        ignore_index=IGNORE,
    )
    return description.save()


def count_notes(official: Mapping[str, int], splits: Mapping[str, Sequence[str]]) -> list[str]:
    """Say which splits differ in size from the complete download (a percent of slack for known variants)."""
    return [
        f"split {split!r} has {len(splits[split])} images, the complete download has {number}: "
        "figures on it cannot be compared with published ones"
        for split, number in official.items()
        if split in splits and abs(len(splits[split]) - number) > number / 100
    ]
