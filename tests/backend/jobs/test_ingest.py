"""The ingest job beside other processes that learn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.event_log import EventLog
from backend.jobs import installed_settings as installed_module
from backend.jobs.ingest import run_ingest
from backend.jobs.installed_settings import install_settings
from backend.label_studio.errors import LabelStudioError
from backend.learning.project_folder import ProjectFolder, learning_root
from backend.settings import load_settings
from training.fence import TrainingFence

KEY = "7-1795425884"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ProjectFolder]:
    """A project of a Label Studio that does not answer."""
    monkeypatch.setattr(installed_module, "_installed", [])
    install_settings(
        load_settings(data_dir=tmp_path, label_studio_url="http://127.0.0.1:9", label_studio_api_key="t0ken")
    )
    EventLog(path=tmp_path / "events.sqlite3").close()
    yield ProjectFolder(root=learning_root(tmp_path), key=KEY)


def test_while_the_project_is_trained_its_samples_are_left_alone(folder: ProjectFolder) -> None:
    with TrainingFence(folder=folder.path):
        assert run_ingest({"key": KEY})["outcome"] == "asked again later"


def test_afterwards_it_reads_them(folder: ProjectFolder) -> None:
    with pytest.raises(LabelStudioError):
        run_ingest({"key": KEY})


def test_an_ingest_that_failed_leaves_the_project_free(folder: ProjectFolder) -> None:
    with pytest.raises(LabelStudioError):
        run_ingest({"key": KEY})
    with TrainingFence(folder=folder.path) as fence:
        fence.require_newest()
