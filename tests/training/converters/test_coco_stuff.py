"""`zegclip data coco-stuff`: raw ids, training ids, and what cannot be told apart."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.converters.downloads import blocks, write_grey_mask, write_photograph
from training.converters.coco_stuff import convert_coco_stuff
from training.dataset_description import DatasetDescription
from training.dataset_files import read_mask
from training.errors import (
    ConfigurationError,
    DownloadLayoutError,
    LabelIdsError,
    MissingImageError,
    UnknownMaskIdsError,
)

IMAGES = {"train2017": ["000000000009", "000000000025"], "val2017": ["000000000139"]}


def write_download(root: Path, masks: dict[str, np.ndarray], *, suffix: str = "") -> Path:
    for folder, names in IMAGES.items():
        for name in names:
            write_photograph(root / "images" / folder / f"{name}.jpg")
            write_grey_mask(root / "stuffthingmaps" / folder / f"{name}{suffix}.png", masks[name])
    return root


@pytest.fixture
def raw_download(tmp_path: Path) -> Path:
    """Official values: category id - 1, so 12 is 'stop sign' (COCO 13) and 181 'wood' (COCO 182)."""
    masks = {
        "000000000009": blocks(0, 12, 181, 255),
        "000000000025": blocks(20, 24, 91, 91),
        "000000000139": blocks(89, 168, 171, 0),
    }
    return write_download(tmp_path / "coco", masks)


def test_raw_values_become_training_ids(raw_download: Path, tmp_path: Path) -> None:
    report = convert_coco_stuff(raw_download, tmp_path / "out")

    description = DatasetDescription.load(report.description)
    names = {one.index: one.name for one in description.classes}
    first = read_mask(description, "train2017/000000000009")[0]
    assert [names.get(int(first[column])) for column in (0, 4, 8)] == ["person", "stop sign", "wood"]
    assert first[12] == description.ignore_index
    second = read_mask(description, "train2017/000000000025")[0]
    assert [names[int(second[column])] for column in (0, 4, 8)] == ["cow", "giraffe", "banner"]
    third = read_mask(description, "val2017/000000000139")[0]
    assert [names[int(third[column])] for column in (0, 4, 8)] == ["toothbrush", "tree", "wall-concrete"]


def test_all_171_classes_have_a_raw_value_and_only_the_removed_ones_have_none(tmp_path: Path) -> None:
    everything = np.setdiff1d(np.arange(182), [11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90])
    mask = np.resize(everything, (12, 16)).astype(np.uint8)
    masks = dict.fromkeys(IMAGES["train2017"] + IMAGES["val2017"], mask)
    report = convert_coco_stuff(write_download(tmp_path / "coco", masks), tmp_path / "out")
    description = DatasetDescription.load(report.description)
    written = read_mask(description, "val2017/000000000139")
    np.testing.assert_array_equal(np.unique(written), np.arange(171))


def test_the_unseen_split_is_the_one_of_the_literature(raw_download: Path, tmp_path: Path) -> None:
    description = DatasetDescription.load(convert_coco_stuff(raw_download, tmp_path / "out").description)
    assert description.background is None
    assert description.unseen_indices() == (19, 23, 28, 29, 36, 51, 76, 88, 94, 112, 133, 136, 137, 157, 160)


def test_converted_files_are_recognised_by_their_values(tmp_path: Path) -> None:
    masks = {
        "000000000009": blocks(0, 11, 170, 255),
        "000000000025": blocks(25, 24, 91, 91),
        "000000000139": blocks(79, 157, 3, 0),
    }
    report = convert_coco_stuff(write_download(tmp_path / "coco", masks), tmp_path / "out")
    description = DatasetDescription.load(report.description)
    np.testing.assert_array_equal(read_mask(description, "train2017/000000000009"), blocks(0, 11, 170, 255))


def test_converted_files_are_recognised_by_their_names(tmp_path: Path) -> None:
    masks = dict.fromkeys(IMAGES["train2017"] + IMAGES["val2017"], blocks(0, 1, 2, 3))
    source = write_download(tmp_path / "coco", masks, suffix="_labelTrainIds")
    report = convert_coco_stuff(source, tmp_path / "out")
    assert report.images == {"train": 2, "val": 1}
    assert any("training ids already" in note for note in report.notes)


def test_masks_that_could_be_either_ask_the_user(tmp_path: Path) -> None:
    masks = dict.fromkeys(IMAGES["train2017"] + IMAGES["val2017"], blocks(0, 1, 2, 3))
    source = write_download(tmp_path / "coco", masks)
    with pytest.raises(LabelIdsError, match="--label-ids raw"):
        convert_coco_stuff(source, tmp_path / "out")
    assert convert_coco_stuff(source, tmp_path / "out", label_ids="raw").images == {"train": 2, "val": 1}


def test_a_mixture_of_both_is_refused(tmp_path: Path) -> None:
    masks = {
        "000000000009": blocks(0, 11, 1, 255),
        "000000000025": blocks(20, 24, 181, 91),
        "000000000139": blocks(79, 157, 3, 0),
    }
    with pytest.raises(LabelIdsError, match="mix official values"):
        convert_coco_stuff(write_download(tmp_path / "coco", masks), tmp_path / "out")


def test_raw_values_called_training_ids_are_refused(raw_download: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownMaskIdsError, match="181"):
        convert_coco_stuff(raw_download, tmp_path / "out", label_ids="train")


def test_a_missing_photograph_is_named(raw_download: Path, tmp_path: Path) -> None:
    (raw_download / "images/val2017/000000000139.jpg").unlink()
    with pytest.raises(MissingImageError, match="000000000139"):
        convert_coco_stuff(raw_download, tmp_path / "out")


def test_the_10k_version_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "imageLists").mkdir()
    with pytest.raises(DownloadLayoutError, match="10k"):
        convert_coco_stuff(tmp_path, tmp_path / "out")


def test_an_unknown_unseen_split_lists_the_known_ones(raw_download: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="standard, none"):
        convert_coco_stuff(raw_download, tmp_path / "out", unseen_split="cascade")
