import json
import threading
from pathlib import Path
from typing import Any

import pytest

from backend.errors import RequestError
from backend.projects import Project, ProjectStore, project_number, read_setup

BODY = {
    "project": "2.1795425884",
    "schema": "<View/>",
    "hostname": "http://localhost:8080",
    "access_token": "hunter2",
    "extra_params": {"model_min_area": 10},
}


def test_setup_names_project_labels_and_settings() -> None:
    project = read_setup(BODY)
    assert (project.id, project.label_config) == ("2", "<View/>")
    assert project.extra_params == {"model_min_area": 10}


@pytest.mark.parametrize(
    "changes",
    [
        {"project": None},
        {"project": ""},
        {"project": []},
        {"project": {"id": 2}},
        {"schema": None},
        {"schema": 7},
    ],
)
def test_setup_without_project_or_labels_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        read_setup(BODY | changes)


def test_a_hostname_of_the_wrong_kind_is_left_out() -> None:
    assert read_setup(BODY | {"hostname": 7}).hostname == ""


@pytest.mark.parametrize(("given", "number"), [("2.1795425884", "2"), ("2", "2"), (2, "2"), ("", "")])
def test_the_number_is_what_stands_before_the_point(given: str | int, number: str) -> None:
    assert project_number(given) == number


@pytest.fixture
def store(tmp_path: Path) -> ProjectStore:
    return ProjectStore(folder=tmp_path / "projects")


def test_a_project_comes_back_as_it_was_saved(store: ProjectStore) -> None:
    project = read_setup(BODY)
    store.save(project)
    assert store.find("2") == project
    assert store.all() == [project]


def test_the_token_of_the_setup_is_never_written(store: ProjectStore) -> None:
    store.save(read_setup(BODY))
    assert not any("hunter2" in path.read_text() for path in store.folder.iterdir())


def test_an_unknown_project_is_none(store: ProjectStore) -> None:
    assert store.find("9") is None
    assert store.all() == []


def test_new_labels_replace_the_old_ones(store: ProjectStore) -> None:
    store.save(read_setup(BODY))
    store.save(read_setup(BODY | {"schema": "<View><Image/></View>"}))
    found = store.find("2")
    assert found is not None
    assert found.label_config == "<View><Image/></View>"


def test_an_unchanged_project_is_not_written_again(store: ProjectStore) -> None:
    store.save(read_setup(BODY))
    (path,) = store.folder.iterdir()
    before = path.stat().st_mtime_ns
    store.save(read_setup(BODY))
    assert path.stat().st_mtime_ns == before


def test_projects_come_with_the_one_seen_last_first(store: ProjectStore) -> None:
    for number, seen in (("1", 10.0), ("2", 30.0), ("3", 20.0)):
        store.save(Project(number, "<View/>", "", None, seen))
    assert [project.id for project in store.all()] == ["2", "3", "1"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "..", "ü", "a" * 3000])
def test_no_projects_name_leads_out_of_the_folder(name: str, store: ProjectStore, tmp_path: Path) -> None:
    store.save(Project(name, "<View/>", "", None, 1.0))
    assert store.find(name) is not None
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.parent for path in written] == [store.folder]


def test_a_reader_never_sees_half_a_file(store: ProjectStore) -> None:
    configs = ["<View>" + "x" * 200_000 + "</View>", "<View>" + "y" * 100_000 + "</View>"]
    store.save(read_setup(BODY))
    ended = threading.Event()

    def write() -> None:
        for number in range(60):
            store.save(read_setup(BODY | {"schema": configs[number % 2]}))
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not ended.is_set():
        (path,) = store.folder.glob("*.json")
        json.loads(path.read_text())
    writer.join()
    assert [path.name for path in store.folder.iterdir()] == ["2.json"]
