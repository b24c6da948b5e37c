from pathlib import Path

import pytest

from backend.convert.image_folder import ImageFolder
from backend.convert.masked_image import ConvertError
from backend.convert.yolo import Yolo
from tests.backend.convert.data import HEIGHT, WIDTH, write_photos

SQUARE = "1 0.25 0.25 0.75 0.25 0.75 0.75 0.25 0.75"


def opened(folder: Path, line: str = SQUARE, names: str = "names: [car, road]\n") -> Yolo:
    (folder / "labels").mkdir(parents=True)
    (folder / "labels" / "photo 0.txt").write_text(line + "\n\n")
    (folder / "data.yaml").write_text(names)
    return Yolo(folder, images=ImageFolder(write_photos(folder / "images")))


def test_an_outline_in_shares_of_the_photograph(tmp_path: Path) -> None:
    image = opened(tmp_path).load("photo 0")
    (region,) = image.regions
    assert (image.width, image.height, image.file) == (WIDTH, HEIGHT, "photo 0.jpg")
    assert region.label == "road"
    assert region.mask[20:60, 30:90].all()
    assert region.mask.sum() == 40 * 60


@pytest.mark.parametrize("names", ["names: [car, road]\n", "names: {0: car, 1: road}\n"])
def test_names_as_a_list_or_by_number(tmp_path: Path, names: str) -> None:
    assert opened(tmp_path, names=names).labels == ("car", "road")


def test_a_list_of_classes_serves_as_well(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("car\nroad\n")
    assert Yolo(tmp_path, images=None).labels == ("car", "road")


def test_photographs_beside_the_labels_are_found(tmp_path: Path) -> None:
    opened(tmp_path)
    assert Yolo(tmp_path, images=None).load("photo 0").width == WIDTH


def test_without_the_photograph_the_cure_is_told(tmp_path: Path) -> None:
    opened(tmp_path)
    with pytest.raises(ConvertError, match="--images"):
        Yolo(tmp_path, images=ImageFolder(None)).load("photo 0")


@pytest.mark.parametrize(
    "line",
    ["5 0 0 1 0 1 1", "-1 0 0 1 0 1 1", "x 0 0 1 0 1 1", "0 0.5 0.5 0.2 0.2", "0 0 0 1 0 1 1 1",
     "0 0 0 nan 0 1 1", "0 0 0 1e9 0 1 1", "0 0 0 a b c d"],
)  # fmt: skip
def test_a_wrong_line_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConvertError, match="line 1"):
        opened(tmp_path, line).load("photo 0")


@pytest.mark.parametrize("names", ["", "names: 7\n", "names: {3: car}\n", "[", "nc: 2\n"])
def test_a_description_without_names_is_refused(tmp_path: Path, names: str) -> None:
    with pytest.raises(ConvertError, match="names"):
        opened(tmp_path, names=names)
