from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.convert.image_folder import ImageFolder
from backend.convert.label_list import ListedLabel, listed, read_label_list, write_label_list
from backend.convert.masked_image import ConvertError, MaskedImage
from backend.convert.png_folder import PngFolder
from tests.backend.convert.data import write_photos

LABELS = (ListedLabel("car", 1, (255, 0, 0)), ListedLabel("road", 7, (0, 128, 255)))
NUMBERS = np.array([[0, 1, 1], [7, 7, 255]], np.uint8)


def load(folder: Path, picture: Image.Image, images: ImageFolder | None = None) -> MaskedImage:
    folder.mkdir(exist_ok=True)
    picture.save(folder / "photo 0.png")
    return PngFolder(folder, images=images or ImageFolder(None), labels=LABELS).load("photo 0")


def regions(image: MaskedImage) -> dict[str, list[list[bool]]]:
    return {region.label: region.mask.tolist() for region in image.regions}


EXPECTED = {
    "car": [[False, True, True], [False, False, False]],
    "road": [[False, False, False], [True, True, False]],
}


def test_grey_values_are_numbers_and_255_is_ignored(tmp_path: Path) -> None:
    assert regions(load(tmp_path, Image.fromarray(NUMBERS))) == EXPECTED


def test_palette_entries_are_numbers_whatever_their_colours(tmp_path: Path) -> None:
    picture = Image.fromarray(NUMBERS)
    picture.putpalette([9] * 768)
    assert regions(load(tmp_path, picture)) == EXPECTED


def test_sixteen_bits_are_numbers(tmp_path: Path) -> None:
    assert regions(load(tmp_path, Image.fromarray(NUMBERS.astype(np.uint16)))) == EXPECTED


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_are_looked_up(tmp_path: Path, mode: str) -> None:
    colours = np.zeros((2, 3, 3), np.uint8)
    colours[NUMBERS == 1], colours[NUMBERS == 7] = (255, 0, 0), (0, 128, 255)
    assert regions(load(tmp_path, Image.fromarray(colours).convert(mode))) == EXPECTED


def test_what_the_list_does_not_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConvertError, match=r"\[3\].*\[1, 7\]"):
        load(tmp_path, Image.fromarray(np.array([[3]], np.uint8)))
    with pytest.raises(ConvertError, match="#010203"):
        load(tmp_path, Image.fromarray(np.array([[[1, 2, 3]]], np.uint8)))


def test_the_photograph_gives_the_file_name(tmp_path: Path) -> None:
    photos = ImageFolder(write_photos(tmp_path / "photos"))
    assert load(tmp_path / "masks", Image.fromarray(NUMBERS), photos).file == "photo 0.jpg"


def test_a_turned_photograph_has_its_displayed_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (64, 48)).save(tmp_path / "a.jpg", exif=exif)
    assert ImageFolder(tmp_path).size_of("a") == (48, 64)


class TestLabelList:
    def test_every_form_of_a_line(self, tmp_path: Path) -> None:
        path = tmp_path / "labels.txt"
        path.write_text("car\n\n7 night sky\n#ff0000 7 seas\n9 #00ff00 tree\n")
        found = [(label.name, label.number) for label in read_label_list(path)]
        assert found == [("car", 1), ("night sky", 7), ("7 seas", 3), ("tree", 9)]
        assert [label.colour for label in read_label_list(path)][2:] == [(255, 0, 0), (0, 255, 0)]

    def test_it_comes_back(self, tmp_path: Path) -> None:
        write_label_list(tmp_path / "labels.txt", LABELS)
        assert read_label_list(tmp_path / "labels.txt") == LABELS

    @pytest.mark.parametrize("text", ["", "\n\n", "car\ncar\n", "3 car\n3 road\n"])
    def test_no_label_or_one_twice_is_refused(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "labels.txt").write_text(text)
        with pytest.raises(ConvertError):
            read_label_list(tmp_path / "labels.txt")

    def test_colours_differ(self) -> None:
        assert len({label.colour for label in listed([f"label {n}" for n in range(60)])}) == 60
