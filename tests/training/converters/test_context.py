"""`zegclip data context`: `.mat` files of 459 classes or 60-value PNG masks, 59 or 60 classes, two splits."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.converters.downloads import (
    blocks,
    write_context_mask,
    write_grey_mask,
    write_list,
    write_photograph,
)
from training.converters.context import convert_context
from training.dataset_description import DatasetDescription
from training.dataset_files import read_mask
from training.errors import DownloadLayoutError, LabelIdsError, UnknownMaskIdsError

TRAIN, VAL = ["2008_000002"], ["2008_000003", "2008_000007"]
AEROPLANE, ACCORDION, WOOD, WINDOW = 2, 1, 458, 454


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    root = tmp_path / "VOCdevkit" / "VOC2010"
    for image_id in TRAIN + VAL:
        write_photograph(root / "JPEGImages" / f"{image_id}.jpg")
    write_list(root / "ImageSets/Main/train.txt", [*TRAIN, "2008_000999"])
    write_list(root / "ImageSets/Main/val.txt", VAL)
    return tmp_path


@pytest.fixture
def official(photographs: Path) -> Path:
    """The 459-class download: photographs without a `.mat` file (2008_000999) are not part of Context."""
    for image_id in TRAIN + VAL:
        write_context_mask(
            photographs / "trainval" / f"{image_id}.mat", blocks(ACCORDION, AEROPLANE, WINDOW, WOOD)
        )
    (photographs / "labels.txt").write_text("1: accordion\n2: aeroplane\n454: window\n458: wood\n")
    return photographs


@pytest.fixture
def converted(photographs: Path) -> Path:
    """60-value PNG masks as other tools make them, with their own lists."""
    root = photographs / "VOCdevkit" / "VOC2010"
    for image_id in TRAIN + VAL:
        write_grey_mask(root / "SegmentationClassContext" / f"{image_id}.png", blocks(0, 1, 58, 59))
    write_list(root / "ImageSets/SegmentationContext/train.txt", TRAIN)
    write_list(root / "ImageSets/SegmentationContext/val.txt", VAL)
    return photographs


@pytest.mark.parametrize("download", ["official", "converted"])
def test_both_kinds_of_masks_give_the_same_data_set(
    download: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    report = convert_context(request.getfixturevalue(download), tmp_path / "out")

    description = DatasetDescription.load(report.description)
    assert report.images == {"train": 1, "val": 2}
    names = {one.index: one.name for one in description.classes}
    row = read_mask(description, "2008_000007")[0]
    assert [names[int(row[column])] for column in (0, 4, 8, 12)] == [
        "background", "aeroplane", "window", "wood",
    ]  # fmt: skip


def test_59_classes_leave_the_background_out_and_60_let_it_compete(official: Path, tmp_path: Path) -> None:
    with_59 = DatasetDescription.load(convert_context(official, tmp_path / "a", classes=59).description)
    with_60 = DatasetDescription.load(convert_context(official, tmp_path / "b", classes=60).description)
    assert (len(with_59.foreground), len(with_60.foreground)) == (59, 60)
    assert with_59.background is not None
    assert with_60.background is None


def test_the_two_unseen_splits_differ_and_the_report_says_which_one_was_written(
    official: Path, tmp_path: Path
) -> None:
    standard = convert_context(official, tmp_path / "a")
    cascade = convert_context(official, tmp_path / "b", unseen_split="cascade")
    assert "cat" in DatasetDescription.load(standard.description).unseen
    assert "cat" not in DatasetDescription.load(cascade.description).unseen
    assert "'cascade'" in cascade.notes[0]


def test_masks_that_lost_their_background_are_refused(converted: Path, tmp_path: Path) -> None:
    for path in (converted / "VOCdevkit/VOC2010/SegmentationClassContext").glob("*.png"):
        write_grey_mask(path, blocks(255, 0, 57, 58))
    with pytest.raises(LabelIdsError, match="reduce_zero_label"):
        convert_context(converted, tmp_path / "out")


def test_png_masks_of_459_classes_are_refused(converted: Path, tmp_path: Path) -> None:
    write_grey_mask(
        converted / "VOCdevkit/VOC2010/SegmentationClassContext/2008_000002.png", blocks(0, 200, 2, 3)
    )
    with pytest.raises(UnknownMaskIdsError, match="ids up to 200"):
        convert_context(converted, tmp_path / "out")


def test_another_numbering_of_the_459_classes_is_noticed(official: Path, tmp_path: Path) -> None:
    (official / "labels.txt").write_text("1: aeroplane\n2: accordion\n")
    with pytest.raises(UnknownMaskIdsError, match="'accordion' where 'aeroplane' is expected"):
        convert_context(official, tmp_path / "out")


def test_without_masks_the_error_says_what_to_get(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(DownloadLayoutError, match=r"trainval/\*\.mat"):
        convert_context(photographs, tmp_path / "out")


def test_unlisted_ids_of_the_459_become_background(official: Path, tmp_path: Path) -> None:
    report = convert_context(official, tmp_path / "out")
    mask = read_mask(DatasetDescription.load(report.description), "2008_000002")
    assert set(np.unique(mask)) == {0, 1, 58, 59}
