"""What the report says, against samples whose history is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from backend.cli import main
from backend.learning.annotations import PixelChanges, RegionChanges
from backend.learning.project_folder import ProjectFolder, learning_root
from backend.learning.report import project_report
from backend.learning.report_page import report_html
from backend.learning.sample import Sample
from backend.learning.sample_store import SampleStore, TaskRecord
from tests.backend.learning.pretend import KEY
from tests.backend.learning.versions import publish

IMAGE = np.full((20, 30, 3), 120, np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(root=learning_root(tmp_path), key=KEY)


def add(
    folder: ProjectFolder,
    task: int,
    *,
    version: str | None,
    day: str = "2026-11-20",
    seconds: float | None = None,
    changed: int = 0,
    overlaps: dict[str, tuple[int, int]] | None = None,
) -> None:
    store = SampleStore(files=folder.samples)
    mask = store.put_mask(np.full((20, 30), 1, np.uint16))
    compared = version is not None
    sample = Sample(
        task=task,
        to_name="image",
        item=None,
        image=store.put_image(IMAGE),
        mask=mask,
        labels=("<cat>",),
        width=30,
        height=20,
        annotations=(task,),
        lead_time=seconds,
        updated_at=f"{day}T10:00:00Z",
        model_version=version,
        predicted_mask=mask if compared else None,
        regions=RegionChanges(kept=2, changed=1, added=0, deleted=1) if compared else None,
        pixels=PixelChanges(600, changed, overlaps or {"<cat>": (60, 120)}) if compared else None,
    )
    store.put_task(TaskRecord(task, "", (sample,)))


def test_rates_are_summed_by_version_and_by_day(folder: ProjectFolder) -> None:
    add(folder, 1, version="v1", day="2026-11-20", changed=300)
    add(folder, 2, version="v1", day="2026-11-21", changed=0)
    add(folder, 3, version="v2", day="2026-11-21", changed=60)
    report = project_report(folder)
    first, second = report.by_version
    assert (first.group, first.tasks, first.kept, first.changed, first.deleted) == ("v1", 2, 4, 2, 2)
    assert (first.pixels_changed, second.pixels_changed) == (0.25, 0.1)
    assert [(rate.group, rate.tasks) for rate in report.by_day] == [("2026-11-20", 1), ("2026-11-21", 2)]


def test_iou_is_over_all_pixels_of_a_version(folder: ProjectFolder) -> None:
    add(folder, 1, version="v1", overlaps={"<cat>": (10, 10)})
    add(folder, 2, version="v1", overlaps={"<cat>": (20, 50)})
    assert project_report(folder).iou_by_label == {"v1": {"<cat>": 50.0}}


def test_time_saved_needs_images_of_both_kinds(folder: ProjectFolder) -> None:
    add(folder, 1, version="v1", seconds=20)
    add(folder, 2, version="v1", seconds=40)
    assert project_report(folder).time.saved is None
    add(folder, 3, version=None, seconds=100)
    assert project_report(folder).time.saved == (100 - 30) * 2


def test_the_curve_has_a_point_for_each_version(folder: ProjectFolder, tmp_path: Path) -> None:
    publish(folder, tmp_path, corrections=20)
    publish(folder, tmp_path, corrections=40, promote=False, promoted=False, iou={"cat": 50.0})
    report = project_report(folder)
    assert [(one.corrections, one.m_iou, one.promoted) for one in report.curve] == [
        (20, 60.0, True),
        (40, 50.0, False),
    ]
    assert report.serves == "project-7-v1"


def test_a_project_without_corrections_has_a_report(folder: ProjectFolder) -> None:
    assert project_report(folder).corrections == 0
    assert "No version has been measured yet" in report_html(folder)


def test_the_page_shows_figures_and_pictures_and_escapes_names(folder: ProjectFolder, tmp_path: Path) -> None:
    add(folder, 1, version="<v1>", changed=300)
    publish(folder, tmp_path)
    page = report_html(folder)
    assert "&lt;cat&gt;" in page
    assert "<cat>" not in page
    assert page.count("data:image/jpeg;base64,") == 2
    assert "50.0 %" in page
    assert "v1: 60.0" in page


def test_the_command_prints_json_and_writes_the_page(
    folder: ProjectFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(folder, 1, version="v1")
    assert main(["report", "--project", "7", "--data-dir", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["corrections"] == 1
    file = tmp_path / "out" / "report.html"
    assert main(["report", "--project", "7", "--data-dir", str(tmp_path), "--html", str(file)]) == 0
    assert "1 corrected images" in capsys.readouterr().out
    assert file.read_text().startswith("<!doctype html>")
