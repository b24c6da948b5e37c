"""What was measured of engines is kept for one model and one kind of processor."""

import json
from pathlib import Path

import pytest

from zegclip_core.engines import checks
from zegclip_core.engines.checks import EngineCheck, engine_folder, processor_key, read_checks, write_checks
from zegclip_core.errors import EngineError


def check(**changes: object) -> EngineCheck:
    facts = {"precision": "fp32", "loss": 0.1, "ratio": 2.0, "images": 10, "dataset": "own/val"}
    return EngineCheck(**facts | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("loss", "ratio", "offered"),
    [(0.5, 1.5, True), (-2.0, 1.5, True), (0.51, 9.0, False), (0.0, 1.0, False), (0.0, 0.8, False)],
)
def test_what_loses_at_most_half_a_point_and_is_faster_is_offered(
    loss: float, ratio: float, offered: bool
) -> None:
    assert check(loss=loss, ratio=ratio).is_offered is offered


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    assert read_checks(tmp_path) == []
    written = [check(), check(precision="int8", loss=0.7)]
    write_checks(tmp_path, written)
    assert read_checks(tmp_path) == written


def test_another_processor_has_checks_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checks(tmp_path, [check()])
    information = tmp_path / "cpuinfo"
    information.write_text("processor : 0\nflags : sse2 fma\n")
    monkeypatch.setattr(checks, "_CPU_INFORMATION", information)
    assert read_checks(tmp_path) == []
    write_checks(tmp_path, [check(ratio=3.0)])
    monkeypatch.undo()
    assert read_checks(tmp_path) == [check()]


def test_a_processor_is_told_by_its_instructions_in_any_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = []
    for flags in ("sse2 fma", "fma sse2", "fma sse2 avx2"):
        information = tmp_path / "cpuinfo"
        information.write_text(f"processor : 0\nflags : {flags}\n")
        monkeypatch.setattr(checks, "_CPU_INFORMATION", information)
        keys.append(processor_key())
    assert keys[0] == keys[1] != keys[2]
    monkeypatch.setattr(checks, "_CPU_INFORMATION", tmp_path / "gone")
    assert processor_key()


@pytest.mark.parametrize("content", ["no json", "[1]", '{"KEY": [{"precision": "fp32"}]}', '{"KEY": [3]}'])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "checks.json").write_text(content.replace("KEY", processor_key()))
    with pytest.raises(EngineError, match=r"checks\.json is damaged"):
        read_checks(tmp_path)


def test_precisions_of_later_versions_are_passed_over(tmp_path: Path) -> None:
    write_checks(tmp_path, [check()])
    path = tmp_path / "checks.json"
    path.write_text(path.read_text().replace("fp32", "int2"))
    assert read_checks(tmp_path) == []
    assert json.loads(path.read_text())


def test_every_encoding_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert engine_folder(tmp_path, "one") != engine_folder(tmp_path, "two")
    assert engine_folder(tmp_path, "one") == engine_folder(tmp_path, "one")
