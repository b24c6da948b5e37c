"""`zegclip data voc`: the official VOC 2012 tar, with and without SBD."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.converters.downloads import (
    blocks,
    write_grey_mask,
    write_list,
    write_palette_mask,
    write_photograph,
    write_sbd_mask,
)
from training.converters.voc import convert_voc
from training.dataset_description import DatasetDescription
from training.dataset_files import read_image, read_mask
from training.errors import (
    DownloadLayoutError,
    EmptySplitError,
    LabelIdsError,
    MaskContentError,
    MissingMaskError,
    UnknownMaskIdsError,
)


@pytest.fixture
def download(tmp_path: Path) -> Path:
    root = tmp_path / "VOCdevkit" / "VOC2012"
    for number, image_id in enumerate(["2007_000001", "2007_000002", "2007_000003", "2008_000004"]):
        write_photograph(root / "JPEGImages" / f"{image_id}.jpg", seed=number)
    write_palette_mask(root / "SegmentationClass" / "2007_000001.png", blocks(0, 1, 255, 20))
    write_palette_mask(root / "SegmentationClass" / "2007_000002.png", blocks(0, 15, 0, 7))
    write_palette_mask(root / "SegmentationClass" / "2007_000003.png", blocks(0, 0, 17, 255))
    write_list(root / "ImageSets/Segmentation/train.txt", ["2007_000001", "2007_000002"])
    write_list(root / "ImageSets/Segmentation/val.txt", ["2007_000003"])
    return tmp_path


def test_the_written_data_set_reads_back_with_official_class_ids(download: Path, tmp_path: Path) -> None:
    report = convert_voc(download, tmp_path / "out")

    description = DatasetDescription.load(report.description)
    assert [one.index for one in description.classes] == list(range(21))
    assert (description.classes[1].name, description.classes[20].name) == ("aeroplane", "tvmonitor")
    assert description.background is not None
    assert description.unseen == ("pottedplant", "sheep", "sofa", "train", "tvmonitor")
    assert description.ids("train") == ("2007_000001", "2007_000002")
    assert read_image(description, "2007_000003").shape == (12, 16, 3)
    np.testing.assert_array_equal(read_mask(description, "2007_000001"), blocks(0, 1, 255, 20))


def test_palette_entries_are_ids_not_colours(download: Path, tmp_path: Path) -> None:
    convert_voc(download, tmp_path / "out")
    with Image.open(tmp_path / "out" / "masks" / "2007_000002.png") as written:
        assert written.mode == "L"
        np.testing.assert_array_equal(np.asarray(written), blocks(0, 15, 0, 7))


def test_sbd_masks_extend_the_training_split_but_never_replace_the_fine_ones(
    download: Path, tmp_path: Path
) -> None:
    sbd = download / "benchmark_RELEASE" / "dataset" / "cls"
    write_sbd_mask(sbd / "2008_000004.mat", blocks(0, 8))
    write_sbd_mask(sbd / "2007_000001.mat", blocks(0, 3))
    write_sbd_mask(sbd / "2007_000003.mat", blocks(0, 3))

    report = convert_voc(download, tmp_path / "out")

    description = DatasetDescription.load(report.description)
    assert description.ids("train_aug") == ("2007_000001", "2007_000002", "2008_000004")
    np.testing.assert_array_equal(read_mask(description, "2008_000004"), blocks(0, 8))
    np.testing.assert_array_equal(read_mask(description, "2007_000001"), blocks(0, 1, 255, 20))


def test_the_folder_of_augmented_png_masks_is_used_with_its_list(download: Path, tmp_path: Path) -> None:
    root = download / "VOCdevkit" / "VOC2012"
    write_grey_mask(root / "SegmentationClassAug" / "2008_000004.png", blocks(0, 8))
    write_list(root / "ImageSets/Segmentation/aug.txt", ["2008_000004"])

    report = convert_voc(root, tmp_path / "out")

    assert report.images == {"train": 2, "val": 1, "train_aug": 3}


def test_a_partial_download_is_used_and_said_to_be_partial(download: Path, tmp_path: Path) -> None:
    notes = convert_voc(download, tmp_path / "out").notes
    assert any("augmented masks" in note for note in notes)
    assert any("1464" in note for note in notes)


def test_masks_that_lost_their_background_are_refused(download: Path, tmp_path: Path) -> None:
    folder = download / "VOCdevkit" / "VOC2012" / "SegmentationClass"
    for path in folder.glob("*.png"):
        write_grey_mask(path, blocks(255, 255, 255, 14))
    with pytest.raises(LabelIdsError, match="reduce_zero_label"):
        convert_voc(download, tmp_path / "out")
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_a_mask_saved_as_colours_is_refused_by_name(download: Path, tmp_path: Path) -> None:
    path = download / "VOCdevkit" / "VOC2012" / "SegmentationClass" / "2007_000003.png"
    Image.new("RGB", (16, 12), (128, 0, 0)).save(path)
    with pytest.raises(MaskContentError, match=r"2007_000003.png is a RGB picture"):
        convert_voc(download, tmp_path / "out")


def test_an_unknown_id_names_the_file_and_the_id(download: Path, tmp_path: Path) -> None:
    path = download / "VOCdevkit" / "VOC2012" / "SegmentationClass" / "2007_000003.png"
    write_palette_mask(path, blocks(0, 21, 0, 0))
    with pytest.raises(UnknownMaskIdsError, match=r"2007_000003.png has ids \[21\]"):
        convert_voc(download, tmp_path / "out")
    assert not (tmp_path / "out" / "dataset.json").exists()


def test_a_missing_mask_is_named(download: Path, tmp_path: Path) -> None:
    (download / "VOCdevkit/VOC2012/SegmentationClass/2007_000002.png").unlink()
    with pytest.raises(MissingMaskError, match="2007_000002"):
        convert_voc(download, tmp_path / "out")


def test_an_empty_list_is_refused(download: Path, tmp_path: Path) -> None:
    write_list(download / "VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt", [])
    with pytest.raises(EmptySplitError, match="'val'"):
        convert_voc(download, tmp_path / "out")


def test_a_folder_without_the_download_says_what_to_get(tmp_path: Path) -> None:
    with pytest.raises(DownloadLayoutError, match="VOCtrainval_11-May-2012"):
        convert_voc(tmp_path, tmp_path / "out")
