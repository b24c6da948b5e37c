"""`zegclip words` tells what the model makes of a label set."""

import json
import re
from pathlib import Path

import pytest

from backend.cli import main
from tests.training.tiny import write_dataset


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all, so that the features of the common words are computed once."""
    return tmp_path_factory.mktemp("data")


def words(labels: str, data_dir: Path, *more: str) -> int:
    return main(["words", labels, "--data-dir", str(data_dir), "--device", "cpu", *more])


def test_labels_their_neighbours_and_what_to_do(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert words("sofa|settee, couch, 猫", data_dir) == 0
    out = capsys.readouterr().out
    assert out.startswith("sofa   sofa 1.00, couch 0.")
    assert "- '猫': it is written in cjk letters" in out
    assert "- 'sofa' and 'couch' are nearly the same" in out


def test_the_same_for_programs(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert words("cat", data_dir, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["model_version"] == "zegclip-mini@4"
    assert document["labels"][0]["nearest"][0]["word"] == "cat"
    assert document["confusable"] == []


@pytest.mark.parametrize(("labels", "more"), [(" , ", ()), ("cat", ("--model", "no-such-model"))])
def test_wrong_use_is_answered_with_one_line(
    data_dir: Path, capsys: pytest.CaptureFixture[str], labels: str, more: tuple[str, ...]
) -> None:
    assert words(labels, data_dir, *more) == 1
    err = capsys.readouterr().err
    assert err.startswith("zegclip words: ")
    assert err.count("\n") == 1


def test_measured_mistakes_are_told_with_their_source(
    data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert words("apple, orange", data_dir) == 0
    assert "% of the pixels of 'apple' are painted 'orange' (COCO val, " in capsys.readouterr().out


def test_confusion_is_measured_on_a_data_set(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_dataset(tmp_path)
    more = ("--dataset", str(data.root), "--split", "train", "--quiet")
    assert words("kitten, dog, couch, plane", data_dir, *more) == 0
    captured = capsys.readouterr()
    assert "Measured on tiny train, 6 photographs with these labels:" in captured.out
    assert re.search(r"^label +photographs +painted right +painted as nothing$", captured.out, re.MULTILINE)
    assert re.search(r"^dog +6 +\d+\.\d % +\d+\.\d %$", captured.out, re.MULTILINE)
    assert "Not in these masks: plane" in captured.out
    assert captured.err == ""


def test_the_measured_pairs_for_programs(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_dataset(tmp_path)
    more = ("--dataset", str(data.root), "--split", "train", "--quiet", "--json")
    assert words("cat, dog", data_dir, *more) == 0
    measured = json.loads(capsys.readouterr().out)["measured"]
    assert (measured["dataset"], measured["split"], measured["images"]) == ("tiny", "train", 6)
    for label in measured["labels"]:
        shares = [label["right"], label["nothing"], *label["taken_for"].values()]
        assert sum(shares) == pytest.approx(100, abs=0.05)


def test_a_data_set_without_these_labels_says_what_it_has(
    data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_dataset(tmp_path)
    assert words("ship", data_dir, "--dataset", str(data.root), "--split", "train", "--quiet") == 1
    assert "it has cat, dog, sofa" in capsys.readouterr().err


@pytest.mark.parametrize(
    "labels",
    [
        "猫, кошка, قطة, 🐈",
        "the cat that lies on the red sofa, Straße, !!!",
        ", ".join(f"x{n}" for n in range(500)),
    ],
    ids=["scripts and emoji", "a sentence and signs", "500 labels"],
)
def test_words_out_of_the_models_depth_are_answered_with_warnings(
    data_dir: Path, capsys: pytest.CaptureFixture[str], labels: str
) -> None:
    assert words(labels, data_dir) == 0
    out = capsys.readouterr().out
    assert "\n- " in out
    assert "nan" not in out
