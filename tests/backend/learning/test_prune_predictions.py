"""Old predictions of ours leave Label Studio; those of others never do."""

from pathlib import Path
from typing import Any, cast

import pytest

from backend.label_studio.client import LabelStudioClient
from backend.learning.project_folder import ProjectFolder
from backend.learning.prune_predictions import prune_predictions
from tests.backend.learning.pretend import KEY
from tests.backend.learning.versions import publish

BASE = "zegclip-mini@4"


class StoredPredictions:
    """Label Studio's list of versions, by name and number of predictions."""

    def __init__(self, *versions: str) -> None:
        self.versions = list(versions)

    def call(self, method: str, path: str, *, query: dict[str, Any]) -> dict[str, Any]:
        assert (method, path) == ("GET", "/api/projects/7/model-versions/")
        return {"static": [{"model_version": name, "count": 1} for name in self.versions], "live": []}

    def delete_model_version(self, project: int, version: str) -> int:
        self.versions.remove(version)
        return 1


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    folder = ProjectFolder(root=tmp_path / "learning", key=KEY)
    for _ in range(3):
        publish(folder, tmp_path)
    return folder


def prune(server: StoredPredictions, folder: ProjectFolder, *, served: str, keep: int) -> list[str]:
    return prune_predictions(cast("LabelStudioClient", server), folder, served=served, base=BASE, keep=keep)


def test_all_but_the_newest_of_ours_are_deleted(folder: ProjectFolder) -> None:
    server = StoredPredictions(BASE, "project-7-v1", "other-model", "project-7-v2", "project-7-v3")
    assert prune(server, folder, served="project-7-v3", keep=2) == [BASE, "project-7-v1"]
    assert server.versions == ["other-model", "project-7-v2", "project-7-v3"]


def test_the_version_in_service_stays_also_after_a_rollback(folder: ProjectFolder) -> None:
    server = StoredPredictions("project-7-v1", "project-7-v2", "project-7-v3")
    assert prune(server, folder, served="project-7-v1", keep=1) == ["project-7-v2"]
