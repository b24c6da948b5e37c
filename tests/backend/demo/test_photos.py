import io
import sys
from pathlib import Path

import pytest
from PIL import Image

from backend.demo.photos import SAMPLE_LABELS, NoSamplesError, own_photos, sample_photos
from backend.painting import NoImagesError
from zegclip_core.labels import parse_words


def test_the_samples_are_real_photographs() -> None:
    photos = sample_photos()
    assert [photo.name for photo in photos] == [
        "chelsea.jpg",
        "astronaut.jpg",
        "coffee.jpg",
        "motorcycle.jpg",
        "china.jpg",
        "flower.jpg",
        "rocket.jpg",
    ]
    for photo in photos:
        with Image.open(io.BytesIO(photo.content)) as picture:
            assert (picture.format, picture.mode) == ("JPEG", "RGB")
            assert min(picture.size) >= 300


def test_their_labels_fit_them() -> None:
    names = {label.name for label in parse_words(SAMPLE_LABELS)}
    assert {"cat", "person", "cup", "motorcycle", "building", "flower", "rocket"} <= names


def test_missing_sample_packages_are_told_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(NoSamplesError, match=r"zegclip-label-studio\[demo\].*IMAGES=folder"):
        sample_photos()


def test_own_photos_are_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "b.PNG").write_bytes(b"b")
    (tmp_path / "a.jpg").write_bytes(b"a")
    (tmp_path / "notes.txt").write_bytes(b"no photograph")
    assert [(photo.name, photo.content) for photo in own_photos([tmp_path])] == [
        ("a.jpg", b"a"),
        ("b.PNG", b"b"),
    ]


def test_a_folder_without_photos_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoImagesError, match=str(tmp_path)):
        own_photos([tmp_path])


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoImagesError, match=r"nowhere \(No such file or directory\)"):
        own_photos([tmp_path / "nowhere"])
