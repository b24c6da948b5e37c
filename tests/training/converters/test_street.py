"""`zegclip data labelmefacade|camvid`: street scenes from the public repositories that hold them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.converters.downloads import blocks, write_grey_mask, write_list, write_photograph
from training.converters.camvid import convert_camvid
from training.converters.labelmefacade import COLOURS, convert_labelmefacade
from training.dataset_description import DatasetDescription
from training.dataset_files import read_image, read_mask
from training.errors import DownloadLayoutError, MissingImageError, UnknownMaskIdsError

BLACK = (0, 0, 0)


def write_colour_mask(path: Path, *colours: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    palette = np.array(colours, np.uint8)
    Image.fromarray(palette[blocks(*range(len(colours)))]).convert("RGBA").save(path)


@pytest.fixture
def facades(tmp_path: Path) -> Path:
    root = tmp_path / "labelmefacade"
    for number, name in enumerate(["one", "two"]):
        write_photograph(root / "images" / f"{name}.jpg", seed=number)
    write_colour_mask(root / "labels" / "one.png", COLOURS[0], COLOURS[5], BLACK, COLOURS[7])
    write_colour_mask(root / "labels" / "two.png", COLOURS[4], COLOURS[6])
    write_list(root / "train.txt", ["images/one.jpg"])
    write_list(root / "test.txt", ["images/two.jpg"])
    return root


@pytest.fixture
def camvid(tmp_path: Path) -> Path:
    root = tmp_path / "CamVid"
    for split in ("train", "val", "test"):
        photograph = root / split / f"{split}_1.png"
        write_photograph(photograph)
        write_grey_mask(root / f"{split}annot" / photograph.name, blocks(0, 3, 11, 10))
    return root


def test_colours_of_labelmefacade_become_classes_and_various_counts_nowhere(
    facades: Path, tmp_path: Path
) -> None:
    description = DatasetDescription.load(convert_labelmefacade(facades, tmp_path / "out").description)

    assert [one.name for one in description.classes][:2] == ["building", "car"]
    assert description.background is None
    assert (description.ids("train"), description.ids("test")) == (("one",), ("two",))
    np.testing.assert_array_equal(read_mask(description, "one"), blocks(0, 5, 255, 7))
    assert read_image(description, "two").shape == (12, 16, 3)


def test_a_colour_of_no_class_is_refused(facades: Path, tmp_path: Path) -> None:
    write_colour_mask(facades / "labels" / "one.png", (1, 2, 3))
    with pytest.raises(UnknownMaskIdsError, match=r"one\.png"):
        convert_labelmefacade(facades, tmp_path / "out")


def test_camvid_keeps_its_splits_and_ignores_what_is_unlabelled(camvid: Path, tmp_path: Path) -> None:
    description = DatasetDescription.load(convert_camvid(camvid.parent, tmp_path / "out").description)

    assert len(description.classes) == 11
    assert description.ids("test") == ("test/test_1",)
    np.testing.assert_array_equal(read_mask(description, "val/val_1"), blocks(0, 3, 255, 10))
    assert read_image(description, "train/train_1").shape == (12, 16, 3)


def test_camvid_names_a_photograph_that_is_missing(camvid: Path, tmp_path: Path) -> None:
    (camvid / "val" / "val_1.png").unlink()
    with pytest.raises(MissingImageError, match=r"val_1\.png"):
        convert_camvid(camvid, tmp_path / "out")


@pytest.mark.parametrize("convert", [convert_labelmefacade, convert_camvid])
def test_another_folder_is_refused_with_where_to_get_the_data(convert, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DownloadLayoutError, match="clone the repository"):
        convert(tmp_path, tmp_path / "out")
