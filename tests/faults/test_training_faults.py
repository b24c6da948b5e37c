"""What goes wrong during a training, done to real workers: at the end there is exactly one version."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from rq.job import Job

from backend.demo.label_studio_server import LabelStudioServer
from backend.label_studio.client import LabelStudioClient
from backend.learning.learning_storage import open_learning
from backend.learning.project_folder import ProjectFolder, learning_root
from backend.learning.project_key import key_from_api
from backend.learning.sample_store import SampleStore
from backend.queueing.connection import SERIALIZER
from backend.queueing.learning_jobs import enqueue_learning, learning_jobs
from backend.settings import load_settings
from tests.backend.learning.toy import CONFIG, correction, toy_pictures
from tests.faults.tcp_switch import TcpSwitch
from tests.label_studio import MakeProject
from tests.processes import BackendProcess, Installation, MakeInstallation, wait_until
from tests.s3 import S3Server

PATIENCE = 900.0
STEPS = 30
PICTURES = 8

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def project(client: LabelStudioClient, make_project: MakeProject) -> int:
    """A project whose pictures are all corrected."""
    pictures = {picture.photo.name: picture for picture in toy_pictures(PICTURES)}
    number = make_project(config=CONFIG, photos=[picture.photo for picture in pictures.values()])
    for page in client.iter_tasks(number):
        for task in page:
            name = next(name for name in pictures if str(task.data["image"]).endswith(name))
            body = {"result": correction(pictures[name].truth), "lead_time": 5.0}
            client.call("POST", f"/api/tasks/{task.id}/annotations/", body=body)
    return number


@pytest.fixture
def door(label_studio: LabelStudioServer) -> Iterator[TcpSwitch]:
    switch = TcpSwitch(target=label_studio.port)
    yield switch
    switch.shut()


@pytest.fixture
def own(label_studio: LabelStudioServer, new_installation: MakeInstallation, door: TcpSwitch) -> Installation:
    return new_installation(
        LABEL_STUDIO_URL=f"http://127.0.0.1:{door.port}",
        LABEL_STUDIO_API_KEY=label_studio.token(),
        ZEGCLIP_TRAINING_ITERATIONS=str(STEPS),
        ZEGCLIP_REPREDICT="false",
    )


@pytest.fixture
def folder(own: Installation, client: LabelStudioClient, project: int) -> ProjectFolder:
    return ProjectFolder(root=learning_root(own.data_dir), key=key_from_api(client.project(project)))


@pytest.fixture
def train(own: Installation, folder: ProjectFolder) -> Callable[..., str]:
    """Queue a training; every job of one run is a copy of it."""

    def queue(job_id: str = "train-copy-1", *, run: str = "run") -> str:
        payload = {"key": folder.key, "run": run, "why": "test"}
        assert enqueue_learning("train", payload, job_id=job_id, connection=own.connection, why="test")
        return job_id

    return queue


def progress(own: Installation, job_id: str) -> dict[str, Any]:
    job = Job.fetch(job_id, connection=own.connection, serializer=SERIALIZER)
    return dict(job.meta.get("progress") or {})


def wait_for_steps(own: Installation, job_id: str) -> None:
    wait_until(
        lambda: progress(own, job_id).get("stage") == "training",
        "training has begun to take steps",
        patience=PATIENCE,
    )


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def horse_of(worker: BackendProcess) -> int:
    """The process that runs the job: the worker's child that has a process group of its own."""
    return next(child for child in children_of(worker.pid) if os.getpgid(child) == child)


def only_version(folder: ProjectFolder) -> None:
    wait_until(lambda: folder.state.trained_at, "a training has ended", patience=PATIENCE)
    [version] = folder.registry.versions()
    assert folder.registry.verified(version.number)
    wait_until(lambda: list(folder.runs.iterdir()) == [], "the run's files are removed")


def no_training_left(own: Installation) -> None:
    def settled() -> bool:
        return all(job.get_status() in ("finished", "failed") for job in learning_jobs(own.connection))

    wait_until(settled, "no training waits or runs", patience=PATIENCE)


def test_a_killed_training_goes_on_and_gives_one_version(
    own: Installation, folder: ProjectFolder, train: Callable[..., str]
) -> None:
    worker = own.start_worker("training")
    job_id = train()
    wait_for_steps(own, job_id)
    os.kill(horse_of(worker), signal.SIGKILL)
    only_version(folder)


def test_an_orphan_and_a_second_copy_give_one_version(
    own: Installation, folder: ProjectFolder, train: Callable[..., str]
) -> None:
    worker = own.start_worker("training")
    job_id = train()
    wait_for_steps(own, job_id)
    orphan = horse_of(worker)
    worker.signal(signal.SIGKILL)
    worker.popen.wait()
    try:
        own.start_worker("training")
        train("train-copy-2")
        only_version(folder)
        no_training_left(own)
        only_version(folder)
    finally:
        with suppress(ProcessLookupError):
            os.kill(orphan, signal.SIGKILL)


def test_sigterm_saves_the_run_and_the_next_worker_goes_on(
    own: Installation, folder: ProjectFolder, train: Callable[..., str]
) -> None:
    worker = own.start_worker("training")
    job_id = train()
    wait_for_steps(own, job_id)
    worker.signal(signal.SIGTERM)
    assert worker.wait(patience=PATIENCE) == 0
    assert folder.registry.versions() == []
    assert list(folder.runs.glob("*/training/state.bin"))
    own.start_worker("training")
    only_version(folder)


def test_label_studio_away_in_the_middle_is_waited_out(
    own: Installation, folder: ProjectFolder, train: Callable[..., str], door: TcpSwitch
) -> None:
    door.shut()
    own.start_worker("training")
    train()
    wait_until(
        lambda: folder.state.last_result.startswith("failed, to be tried again"),
        "the first try has failed and says so",
        patience=PATIENCE,
    )
    assert folder.registry.versions() == []
    door.open()
    only_version(folder)


def test_a_run_without_anything_new_publishes_nothing(
    own: Installation, folder: ProjectFolder, train: Callable[..., str]
) -> None:
    own.start_worker("training")
    train()
    only_version(folder)
    train("train-copy-2", run="another run")
    wait_until(lambda: folder.state.last_result.startswith("nothing new"), "the second run has ended")
    assert len(folder.registry.versions()) == 1


def test_a_training_of_a_shared_project_is_known_to_other_machines(
    label_studio: LabelStudioServer,
    client: LabelStudioClient,
    new_installation: MakeInstallation,
    project: int,
    s3: S3Server,
    tmp_path: Path,
) -> None:
    address = s3.make_bucket()
    own = new_installation(
        LABEL_STUDIO_URL=f"http://127.0.0.1:{label_studio.port}",
        LABEL_STUDIO_API_KEY=label_studio.token(),
        ZEGCLIP_TRAINING_ITERATIONS="2",
        ZEGCLIP_REPREDICT="false",
        ZEGCLIP_STORAGE_URL=address,
        **s3.environment(),
    )
    key = key_from_api(client.project(project))
    own.start_worker("training", ZEGCLIP_DATA_DIR=str(tmp_path / "trainer"))
    payload = {"key": key, "run": "run", "why": "test", "events": [7, 3]}
    assert enqueue_learning("train", payload, job_id="train-shared", connection=own.connection, why="test")
    elsewhere = load_settings(data_dir=tmp_path / "elsewhere", storage_url=address)
    folder = open_learning(elsewhere).project(key)
    wait_until(lambda: folder.state.trained_at, "a training has ended", patience=PATIENCE)
    [version] = folder.registry.versions()
    assert folder.registry.verified(version.number).model_folder.is_relative_to(tmp_path / "elsewhere")
    assert (folder.state.events_read, folder.state.starts_read) == (7, 3)
    assert len(SampleStore(files=folder.samples).samples()) == PICTURES
    fence = f"zegclip:training:{key}"
    wait_until(lambda: not own.connection.exists(fence), "the fence is open")
    assert own.connection.exists(f"{fence}:token")
