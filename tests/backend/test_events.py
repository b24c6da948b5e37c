import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.errors import RequestError
from backend.events import read_events

PROJECT = {"id": 3, "updated_at": "2026-01-01T00:00:00Z", "token": "hunter2", "task_data_password": "hunter2"}


def created(**changes: Any) -> dict[str, Any]:
    annotation = {"id": 7, "task": 5, "updated_at": "2026-01-02T00:00:00Z", "result": [{"rle": [1] * 999}]}
    return {"action": "ANNOTATION_CREATED", "project": PROJECT, "annotation": annotation | changes}


def test_an_annotation_becomes_one_event_with_its_version() -> None:
    (event,) = read_events(created(was_cancelled=False, lead_time=1.5))
    assert (event.action, event.project, event.subject) == ("ANNOTATION_CREATED", "3", "annotation:7")
    assert event.version == "2026-01-02T00:00:00Z"
    assert event.details == {"task": 5, "was_cancelled": False, "lead_time": 1.5}


def test_a_skipped_task_is_told_apart() -> None:
    (event,) = read_events(created(was_cancelled=True, result=[]))
    assert event.details["was_cancelled"] is True


def test_a_bulk_event_becomes_one_event_for_each_annotation() -> None:
    body = {
        "action": "ANNOTATIONS_CREATED",
        "project": PROJECT,
        "annotation": [{"id": 1, "task": 5}, {"id": 2, "task": 6}],
        "task": [{"id": 5}, {"id": 6}],
    }
    assert [(e.subject, e.details["task"]) for e in read_events(body)] == [
        ("annotation:1", 5),
        ("annotation:2", 6),
    ]


def test_deleted_annotations_come_without_task() -> None:
    body = {"action": "ANNOTATIONS_DELETED", "project": PROJECT, "annotations": [{"id": 1}, {"id": 2}]}
    assert [event.subject for event in read_events(body)] == ["annotation:1", "annotation:2"]


def test_an_annotation_without_its_tasks_number_takes_the_only_task_of_the_body() -> None:
    body = created(task=None) | {"task": {"id": 11}}
    assert read_events(body)[0].details["task"] == "11"


def test_new_tasks_become_one_event_each() -> None:
    body = {"action": "TASKS_CREATED", "project": PROJECT, "tasks": [{"id": 1}, {"id": 2}]}
    assert [event.subject for event in read_events(body)] == ["task:1", "task:2"]


def test_what_names_nothing_else_is_about_the_project() -> None:
    (event,) = read_events({"action": "PROJECT_UPDATED", "project": PROJECT})
    assert (event.subject, event.version) == ("project", PROJECT["updated_at"])


def test_every_press_of_the_training_button_is_an_event_of_its_own() -> None:
    body = {"action": "START_TRAINING", "project": PROJECT}
    versions = {read_events(body)[0].version for _ in range(3)}
    assert len(versions) == 3


@pytest.mark.parametrize("project", [3, "3", "3.1795425884", {"id": 3}, {"id": "3"}])
def test_the_project_comes_in_many_forms(project: object) -> None:
    assert read_events({"action": "PROJECT_UPDATED", "project": project})[0].project == "3"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "ANNOTATION_CREATED"},
        {"action": "ANNOTATION_CREATED", "project": None},
        {"action": "ANNOTATION_CREATED", "project": {}},
        {"action": "ANNOTATION_CREATED", "project": []},
        {"action": "ANNOTATION_CREATED", "project": {"id": {"a": 1}}},
        {"action": "ANNOTATION_CREATED", "project": ""},
        {"action": "", "project": 3},
        {"action": 7, "project": 3},
        {"action": None, "project": 3},
    ],
)
def test_a_body_without_action_or_project_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        read_events(body)


def test_masks_and_secrets_stay_behind() -> None:
    written = json.dumps([dict(event.details) for event in read_events(created())])
    assert "rle" not in written
    assert "hunter2" not in written


def test_recorded_bodies_become_events(shared_dir: Path) -> None:
    subjects = {
        "annotation_created": "annotation:",
        "annotation_updated": "annotation:",
        "annotation_created_skip": "annotation:",
        "annotation_created_corrected_in_ui": "annotation:",
        "annotations_deleted": "annotation:",
        "tasks_created": "task:",
        "project_updated": "project",
        "start_training": "project",
    }
    for name, subject in subjects.items():
        recorded = json.loads((shared_dir / "payloads" / f"{name}.json").read_text())
        events = read_events(recorded["body"])
        assert events, name
        assert all(event.subject.startswith(subject) for event in events), name


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {"action": st.just("ANNOTATION_CREATED"), "project": st.just(3)},
        optional=dict.fromkeys(("annotation", "annotations", "task", "tasks"), any_json),
    )
)
def test_fields_of_any_wrong_type_give_events_that_can_be_written(body: dict[str, Any]) -> None:
    for event in read_events(body):
        assert isinstance(event.subject, str)
        assert isinstance(event.version, str)
        json.dumps(dict(event.details))
