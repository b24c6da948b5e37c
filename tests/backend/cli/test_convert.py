import json
from pathlib import Path

import pytest

from backend.cli import main
from tests.backend.convert.data import LABELS, write_photos
from tests.backend.convert.test_conversion import write


def test_masks_become_tasks_and_come_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    masks, photos = write(tmp_path / "masks", "png"), write_photos(tmp_path / "photos")
    tasks, back = tmp_path / "tasks", tmp_path / "back"
    given = ["--images", str(photos), "--quiet"]
    code = main(["convert", str(masks), "--from", "png", "--to", "label-studio", "--out", str(tasks), *given])
    assert code == 0
    assert "3 images with 5 regions" in capsys.readouterr().out
    assert len(json.loads((tasks / "tasks.json").read_text())) == 3
    code = main(["convert", str(tasks), "--from", "label-studio", "--to", "png", "--out", str(back), *given])
    assert code == 0
    assert "every pixel came back" in capsys.readouterr().out
    assert sorted(path.name for path in back.iterdir()) == [
        "labels.txt",
        *(f"photo {number}.png" for number in range(3)),
    ]


def test_outlines_come_back_within_their_tolerance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = write(tmp_path / "masks", "png")
    arguments = ["--from", "png", "--to", "yolo", "--out", str(tmp_path / "out"), "--quiet"]
    assert main(["convert", str(masks), *arguments]) == 0
    assert "% of the pixels came back different" in capsys.readouterr().out
    assert main(["convert", str(masks), *arguments, "--tolerance", "0"]) == 0
    assert "every pixel came back" in capsys.readouterr().out


@pytest.mark.parametrize("labels", [", ".join(LABELS), "file"])
def test_labels_are_words_or_a_file(tmp_path: Path, labels: str) -> None:
    masks = write(tmp_path / "masks", "png")
    list_file = tmp_path / "mine.txt"
    (masks / "labels.txt").rename(list_file)
    given = str(list_file) if labels == "file" else labels
    arguments = [
        "--from",
        "png",
        "--to",
        "coco",
        "--out",
        str(tmp_path / "out.json"),
        "--labels",
        given,
        "--quiet",
    ]
    assert main(["convert", str(masks), *arguments]) == 0
    assert [one["name"] for one in json.loads((tmp_path / "out.json").read_text())["categories"]] == [*LABELS]


def test_an_image_that_fails_is_told_and_the_others_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = write(tmp_path / "masks", "png")
    (masks / "photo 1.png").write_bytes(b"x")
    arguments = ["--from", "png", "--to", "coco", "--out", str(tmp_path / "out"), "--quiet"]
    assert main(["convert", str(masks), *arguments]) == 1
    said = capsys.readouterr()
    assert "2 images" in said.out
    assert "photo 1: " in said.err


def test_a_source_that_is_none_ends_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--from", "coco", "--to", "png", "--out", str(tmp_path / "out"), "--quiet"]
    assert main(["convert", str(tmp_path / "nothing.json"), *arguments]) == 1
    assert "nothing.json does not exist" in capsys.readouterr().err


def test_help_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["convert", "--help"])
    assert "zegclip convert masks/ --from png --to label-studio" in capsys.readouterr().out
