"""`zegclip import` makes a published checkpoint a model like any other."""

from pathlib import Path

import pytest

from backend.cli import main
from tests.photos import small_photos
from tests.zegclip_core.upstream_files import save_upstream, upstream_state


def test_a_published_file_paints_any_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = save_upstream(tmp_path / "voc.pth", upstream_state())
    model, photo = tmp_path / "model", tmp_path / small_photos()[0].name
    photo.write_bytes(small_photos()[0].content)
    assert main(["import", str(source), str(model), "--benchmark", "voc", "--mode", "inductive"]) == 0
    assert f"--model {model}" in capsys.readouterr().out
    painted = ["--model", str(model), "--out", str(tmp_path / "out"), "--data-dir", str(tmp_path / "data")]
    assert main(["predict", str(photo), "--labels", "cat, sofa", *painted]) == 0
    assert (tmp_path / "out" / f"{photo.stem}.mask.png").is_file()


def test_another_file_is_named_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "voc.pth"
    source.write_bytes(b"no tensors")
    arguments = ["import", str(source), str(tmp_path / "out"), "--benchmark", "voc", "--mode", "inductive"]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("zegclip import: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
