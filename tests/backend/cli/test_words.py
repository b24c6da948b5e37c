"""`zegclip words` tells what the model makes of a label set."""

import json
from pathlib import Path

import pytest

from backend.cli import main


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
    assert document["model_version"] == "zegclip-mini@3"
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
