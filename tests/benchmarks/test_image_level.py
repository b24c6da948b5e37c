"""Whole photographs among many words: where classes come from, and what counts as found."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from benchmarks.image_level import (
    Shown,
    from_file_names,
    from_folders,
    from_list,
    labels_of,
    limited,
    main,
    middle_square,
    places,
    read_vocabulary,
    score,
)
from zegclip_core.labels import Label


def photograph(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 60, 3), 128, np.uint8)).save(path)
    return path


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    cat = photograph(tmp_path / "Persian_Cat" / "deep" / "1.JPG")
    dog = photograph(tmp_path / "dog" / "1.png")
    (tmp_path / "dog" / "notes.txt").write_text("no photograph")
    (tmp_path / "readme.jpg").write_bytes(b"in no class")
    assert list(from_folders(tmp_path)) == [Shown(cat, "persian cat"), Shown(dog, "dog")]


def test_classes_in_file_names(tmp_path: Path) -> None:
    shark = photograph(tmp_path / "n01484850_great_white_shark.JPEG")
    photograph(tmp_path / "readme.png")
    assert list(from_file_names(tmp_path)) == [Shown(shark, "great white shark")]


def test_a_list_of_photographs_and_classes(tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("a/1.jpg, Soy Milk\n\nb.jpg,apple\n")
    shown = list(from_list(tmp_path, listed))
    assert shown == [Shown(tmp_path / "a/1.jpg", "soy milk"), Shown(tmp_path / "b.jpg", "apple")]


def test_the_first_photographs_of_each_class_are_kept() -> None:
    shown = [Shown(Path(f"{number}.jpg"), word) for number, word in enumerate(("cat", "cat", "dog", "cat"))]
    assert [one.path.stem for one in limited(shown, 1)] == ["0", "2"]
    assert limited(shown, None) == shown
    assert labels_of(shown) == [Label("cat", ("cat",)), Label("dog", ("dog",))]


def test_a_vocabulary_may_give_a_class_several_words(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("Sofa|couch\n\ncat\n")
    words = read_vocabulary(path)
    assert words == [Label("sofa", ("Sofa", "couch")), Label("cat", ("cat",))]
    assert places([Shown(path, "cat"), Shown(path, "sofa")], words).tolist() == [1, 0]
    with pytest.raises(SystemExit, match="lacks 1 classes that occur: dog"):
        places([Shown(path, "dog")], words)


def test_nearest_and_nearest_five_over_photographs_and_over_classes() -> None:
    """Seven words in seven directions; four photographs of word 0, one of word 6."""
    text = torch.eye(7)
    nearest = torch.zeros(5, 7)
    nearest[0:2, 0] = 1.0  # two of word 0 are found at once,
    nearest[2] = torch.tensor([0.5, 0.9, 0.8, 0.7, 0.6, 0.0, 0.0])  # one as the fifth,
    nearest[3] = torch.tensor([0.5, 0.9, 0.8, 0.7, 0.6, 0.55, 0.0])  # one as the sixth;
    nearest[4, 6] = 1.0  # the one of word 6 at once.
    found = score(F.normalize(nearest, dim=1), text, torch.arange(7), torch.tensor([0, 0, 0, 0, 6]))
    assert (found.top_1, found.top_5) == (60, 80)
    assert (found.classes_top_1, found.classes_top_5) == (75, 87.5)


def test_a_class_takes_its_best_word_and_fewer_than_five_classes_are_no_error() -> None:
    text = torch.eye(3)
    owners, truth = torch.tensor([0, 1, 1]), torch.tensor([1])
    assert score(torch.tensor([[0.5, 0.1, 0.8]]), text, owners, truth).top_1 == 100


@pytest.mark.parametrize("shape", [(40, 90), (90, 40), (32, 32), (700, 33)])
def test_the_middle_square_is_seen(shape: tuple[int, int]) -> None:
    image = np.zeros((*shape, 3), np.uint8)
    image[shape[0] // 2, shape[1] // 2] = 255
    square = middle_square(image, 32)
    assert square.shape == (32, 32, 3)
    assert square[12:20, 12:20].max() > 0


def test_the_command_prints_a_row_for_each_feature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for word in ("cat", "dog"):
        photograph(tmp_path / word / "1.jpg")
    monkeypatch.setattr("sys.argv", ["image_level", str(tmp_path), "--side", "64"])
    main()
    heading, *table = capsys.readouterr().out.splitlines()
    assert heading == "2 photographs of 2 classes, 2 words compete"
    assert [row.split(" | ")[1] for row in table[2:]] == ["class token", "mean patch"]
    assert all(row.startswith("| zegclip-mini@") for row in table[2:])
