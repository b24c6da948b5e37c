"""The scheduler against a real queue server and a real event log."""

import threading
import time
from collections.abc import Iterator

import pytest
from rq.job import Job

from backend.event_log import EventLog
from backend.events import Event
from backend.learning.project_folder import ProjectFolder, learning_root
from backend.learning.scheduler import Scheduler
from backend.projects import Project, ProjectStore
from backend.queueing.connection import SERIALIZER, open_queue
from backend.queueing.names import LEARNING_QUEUES, TRAINING
from backend.settings import Settings, load_settings
from tests.backend.learning.pretend import KEY
from tests.processes import Installation, MakeInstallation, wait_until


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


@pytest.fixture
def settings(own: Installation) -> Settings:
    return load_settings(data_dir=own.data_dir, train_after=3)


@pytest.fixture
def log(settings: Settings) -> Iterator[EventLog]:
    opened = EventLog(path=settings.data_dir / "events.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def folder(settings: Settings) -> ProjectFolder:
    ProjectStore(folder=settings.data_dir / "projects").save(Project("7", "<View/>", "", None, 0.0, KEY))
    folder = ProjectFolder(root=learning_root(settings.data_dir), key=KEY)
    folder.update_state(ingested_at=time.time())
    return folder


def scheduler(settings: Settings, own: Installation) -> Scheduler:
    return Scheduler(settings=settings, connection=own.connection)


def queued(own: Installation) -> list[str]:
    queues = [open_queue(name, own.connection) for name in LEARNING_QUEUES]
    return [job_id for queue in queues for job_id in queue.get_job_ids()]


def happened(log: EventLog, action: str = "ANNOTATION_CREATED", version: str = "1") -> None:
    log.record([Event(action, "7", "annotation:1", version, {})])


def test_an_event_becomes_one_ingest_however_often_one_looks(
    own: Installation, settings: Settings, folder: ProjectFolder, log: EventLog
) -> None:
    happened(log)
    for _ in range(3):
        scheduler(settings, own).look()
    [job_id] = queued(own)
    job = Job.fetch(job_id, connection=own.connection, serializer=SERIALIZER)
    assert job.func_name == "backend.jobs.ingest.run_ingest"
    assert job.args[0]["key"] == KEY


def test_two_schedulers_fire_once(
    own: Installation, settings: Settings, folder: ProjectFolder, log: EventLog
) -> None:
    folder.update_state(new_corrections=3, corrections_digest="ab")
    first, second = scheduler(settings, own), scheduler(settings, own)
    fired = [*first.look(), *second.look(), *first.look()]
    assert [job.kind for job in fired] == ["train"]
    assert len(queued(own)) == 1


def test_while_a_training_waits_no_other_is_queued(
    own: Installation, settings: Settings, folder: ProjectFolder, log: EventLog
) -> None:
    folder.update_state(new_corrections=3, corrections_digest="ab")
    scheduler(settings, own).look()
    folder.update_state(new_corrections=6, corrections_digest="cd")
    assert scheduler(settings, own).look() == []


def test_while_a_training_runs_corrections_queue_no_other_but_the_button_does(
    own: Installation, settings: Settings, folder: ProjectFolder, log: EventLog
) -> None:
    folder.update_state(new_corrections=3, corrections_digest="ab")
    [running] = scheduler(settings, own).look()
    queue = open_queue(TRAINING, own.connection)
    queue.remove(running.job_id)
    own.connection.zadd(queue.started_job_registry.key, {f"{running.job_id}:execution": time.time() + 600})
    folder.update_state(new_corrections=4, corrections_digest="cd")
    assert scheduler(settings, own).look() == []
    happened(log, "START_TRAINING", "1")
    assert "train" in [job.kind for job in scheduler(settings, own).look()]


def test_corrections_are_read_once_their_projects_training_has_ended(
    own: Installation, settings: Settings, folder: ProjectFolder, log: EventLog
) -> None:
    registry = open_queue(TRAINING, own.connection).started_job_registry
    own.connection.zadd(registry.key, {f"train-{KEY}-start-1:execution": time.time() + 600})
    happened(log)
    assert scheduler(settings, own).look() == []
    own.connection.delete(registry.key)
    assert [job.kind for job in scheduler(settings, own).look()] == ["ingest"]


def test_corrections_do_not_wait_behind_another_projects_training(
    own: Installation, settings: Settings, folder: ProjectFolder, log: EventLog
) -> None:
    registry = open_queue(TRAINING, own.connection).started_job_registry
    own.connection.zadd(registry.key, {"train-8-1795425885-start-1:execution": time.time() + 600})
    happened(log)
    [ingest] = scheduler(settings, own).look()
    job = Job.fetch(ingest.job_id, connection=own.connection, serializer=SERIALIZER)
    assert job.origin == "ingest"


def test_the_button_is_answered_although_the_queue_was_away_when_it_was_pressed(
    own: Installation, settings: Settings, folder: ProjectFolder, log: EventLog
) -> None:
    happened(log, "START_TRAINING", "1795425884.123")
    assert "train" in [job.kind for job in scheduler(settings, own).look()]


def test_an_outage_of_the_queue_is_waited_out(
    own: Installation, settings: Settings, folder: ProjectFolder, log: EventLog
) -> None:
    happened(log)
    own.kill_queue_server()
    loop = scheduler(settings.model_copy(update={"scheduler_seconds": 0.01}), own)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        own.start_queue_server()
        wait_until(lambda: queued(own), "the ingest is queued")
    finally:
        loop.request_stop()
        thread.join()


def test_projects_that_did_not_tell_when_they_were_made_are_left_out(
    own: Installation, settings: Settings, log: EventLog
) -> None:
    ProjectStore(folder=settings.data_dir / "projects").save(Project("7", "<View/>", "", None, 0.0))
    happened(log)
    assert scheduler(settings, own).look() == []
