"""`zegclip models`."""

from pathlib import Path

import pytest

from backend.cli import main
from backend.learning.project_folder import ProjectFolder, learning_root
from tests.backend.learning.pretend import KEY
from tests.backend.learning.versions import publish


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    folder = ProjectFolder(root=learning_root(tmp_path), key=KEY)
    publish(folder, tmp_path)
    publish(folder, tmp_path, promote=False, promoted=False, reason="not better", iou={"cat": 40.0})
    return folder


def models(tmp_path: Path, *words: str) -> int:
    return main(["models", *words, "--project", "7", "--data-dir", str(tmp_path)])


def test_list_tells_who_serves_and_why_others_do_not(
    folder: ProjectFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert models(tmp_path, "list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("2 ")
    assert lines[1].endswith("candidate: not better")
    assert lines[2].endswith("champion")


def test_show_tells_labels_and_figures(
    folder: ProjectFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert models(tmp_path, "show", "1") == 0
    shown = capsys.readouterr().out
    assert "cat, kitten" in shown
    assert "sofa" in shown
    assert "(no corrections)" in shown


def test_compare_shows_the_change(
    folder: ProjectFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert models(tmp_path, "compare", "1", "2") == 0
    assert "-20.0" in capsys.readouterr().out


def test_promote_rollback_and_prune(folder: ProjectFolder, tmp_path: Path) -> None:
    assert models(tmp_path, "promote", "2") == 0
    assert folder.registry.aliases.champion == 2
    assert models(tmp_path, "rollback") == 0
    assert folder.registry.aliases.champion == 1
    assert models(tmp_path, "prune", "--keep", "1") == 0
    assert folder.registry.numbers() == [1, 2]


def test_wrong_use_is_told(folder: ProjectFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models(tmp_path, "compare", "1") == 2
    assert "2 version numbers" in capsys.readouterr().err
    assert models(tmp_path, "promote", "9") == 1
    assert "choose one of 1, 2" in capsys.readouterr().err


def test_an_unknown_project_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert models(tmp_path, "list") == 1
    assert "nothing has been learned from project 7" in capsys.readouterr().err
