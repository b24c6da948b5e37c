import multiprocessing
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from backend.event_log import EventLog
from backend.events import Event


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = EventLog(path=tmp_path / "deep" / "events.sqlite3")
    yield opened
    opened.close()


def event(
    subject: str, *, project: str = "3", version: str = "1", action: str = "ANNOTATION_CREATED"
) -> Event:
    return Event(action, project, subject, version, {"task": 5})


def test_an_event_comes_back_as_it_was_written(log: EventLog) -> None:
    assert log.record([event("annotation:7")]) == 1
    assert log.after(0) == [(1, event("annotation:7"))]


def test_the_same_event_is_stored_once(log: EventLog) -> None:
    assert log.record([event("annotation:7")]) == 1
    assert log.record([event("annotation:7")]) == 0
    assert len(log.after(0)) == 1


def test_a_new_version_of_a_subject_is_a_new_event(log: EventLog) -> None:
    assert log.record([event("annotation:7"), event("annotation:7", version="2")]) == 2


def test_one_body_sent_fifty_times_at_once_gives_one_row(log: EventLog) -> None:
    with ThreadPoolExecutor(50) as pool:
        news = list(pool.map(lambda _: log.record([event("annotation:7")], timeout=60), range(50)))
    assert sum(news) == 1
    assert len(log.after(0)) == 1


def test_hundreds_of_writers_at_once_lose_nothing(log: EventLog) -> None:
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(lambda n: log.record([event(f"annotation:{n}")], timeout=60), range(500)))
    assert {found.subject for _, found in log.after(0)} == {f"annotation:{n}" for n in range(500)}


def test_reading_goes_on_behind_a_sequence_number(log: EventLog) -> None:
    log.record([event(f"annotation:{n}") for n in range(10)])
    first = log.after(0, limit=4)
    rest = log.after(first[-1][0])
    assert [found.subject for _, found in [*first, *rest]] == [f"annotation:{n}" for n in range(10)]


def test_one_projects_events_can_be_read_alone(log: EventLog) -> None:
    log.record([event("annotation:1", project="3"), event("annotation:2", project="4")])
    assert [found.project for _, found in log.after(0, project="4")] == ["4"]


def test_events_are_counted_by_action(log: EventLog) -> None:
    log.record([event("annotation:1"), event("annotation:2"), event("task:1", action="TASKS_CREATED")])
    assert log.counts() == {"ANNOTATION_CREATED": 2, "TASKS_CREATED": 1}


def test_what_was_recorded_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite3"
    first = EventLog(path=path)
    first.record([event("annotation:7")])
    first.close()
    second = EventLog(path=path)
    assert second.record([event("annotation:7")]) == 0
    assert len(second.after(0)) == 1
    second.close()


def _record_many(path: Path, first: int) -> None:
    log = EventLog(path=path)
    for number in range(first, first + 50):
        log.record([event(f"annotation:{number}")], timeout=60)
    log.close()


def test_two_processes_write_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "events.sqlite3"
    EventLog(path=path).close()
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_record_many, args=(path, first)) for first in (0, 50)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
        writer.close()
    reader = EventLog(path=path)
    assert len(reader.after(0)) == 100
    reader.close()


def test_an_event_that_cannot_be_written_fails_alone_and_the_writer_lives_on(log: EventLog) -> None:
    with pytest.raises(UnicodeEncodeError):
        log.record([event("\ud800")])
    assert log.record([event("annotation:7")]) == 1


def test_a_file_that_went_away_is_told_to_the_caller(log: EventLog) -> None:
    with sqlite3.connect(log.path) as other:
        other.execute("DROP TABLE events")
    other.close()
    with pytest.raises(sqlite3.OperationalError):
        log.record([event("annotation:7")])
