import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from backend.doctor.finding import Finding
from backend.doctor.machine import check_folder, check_model, check_queue
from backend.settings import Settings, load_settings
from tests.processes import BackendProcess, Installation, MakeInstallation

GIBIBYTE = 2**30
DiskUsage = namedtuple("DiskUsage", "total used free")


def found(findings: list[Finding], check: str) -> Finding:
    (finding,) = [finding for finding in findings if finding.check == check]
    return finding


def settings_of(installation: Installation, **changes: object) -> Settings:
    return load_settings(data_dir=installation.data_dir, redis_url=installation.redis_url, **changes)


def with_free_disk(monkeypatch: pytest.MonkeyPatch, free: float) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: DiskUsage(100 * GIBIBYTE, 0, int(free)))


def test_a_folder_is_made_and_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_free_disk(monkeypatch, 50 * GIBIBYTE)
    folder = tmp_path / "new" / "data"
    findings = list(check_folder(load_settings(data_dir=folder)))
    assert [finding.state for finding in findings] == ["ok", "ok"]
    assert found(findings, "disk").words == "50.0 GiB free"
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    (finding,) = check_folder(load_settings(data_dir=folder))
    assert finding.state == "failed"
    assert str(folder) in finding.words
    assert "Not a directory" in finding.words
    assert "--data-dir" in finding.cure


def test_little_room_on_the_disk_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_free_disk(monkeypatch, 0.5 * GIBIBYTE)
    disk = found(list(check_folder(load_settings(data_dir=tmp_path))), "disk")
    assert (disk.state, disk.words) == ("warning", "0.5 GiB free")
    assert disk.cure


def test_no_queue_server_is_told_with_the_cure(tmp_path: Path) -> None:
    (finding,) = check_queue(load_settings(data_dir=tmp_path))
    assert (finding.check, finding.state) == ("queue server", "failed")
    assert "zegclip start" in finding.words + finding.cure


def test_a_queue_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    (finding,) = check_queue(load_settings(data_dir=tmp_path, redis_url="redis://127.0.0.1:9"))
    assert (finding.check, finding.state) == ("queue server", "failed")


def test_missing_workers_are_told_by_kind(new_installation: MakeInstallation) -> None:
    findings = list(check_queue(settings_of(new_installation())))
    assert found(findings, "queue server").state == "ok"
    assert found(findings, "inference workers").state == "failed"
    assert "zegclip worker inference" in found(findings, "inference workers").cure
    assert found(findings, "training workers").state == "warning"
    assert "zegclip worker ingest" in found(findings, "ingest workers").cure


def test_live_workers_are_counted(installation: Installation, inference_worker: BackendProcess) -> None:
    workers = found(list(check_queue(settings_of(installation))), "inference workers")
    assert workers.state == "ok"
    assert "alive" in workers.words


def test_the_embedded_model_loads_and_paints(tmp_path: Path) -> None:
    (finding,) = check_model(load_settings(data_dir=tmp_path, device="cpu"))
    assert finding.state == "ok", finding.words
    assert finding.words.startswith("zegclip-mini@4 loads in ")


@pytest.mark.parametrize("model", ["no-such-model", "./missing.safetensors"])
def test_a_model_that_does_not_load_is_told_with_the_cure(tmp_path: Path, model: str) -> None:
    (finding,) = check_model(load_settings(data_dir=tmp_path, model=model))
    assert finding.state == "failed"
    assert model.removeprefix("./") in finding.words
    assert "zegclip-mini" in finding.cure
    assert "Traceback" not in finding.words
