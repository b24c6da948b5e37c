"""Two inference workers that share nothing but the queue server and an S3-compatible server."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rq.job import Job

from backend.learning.learning_storage import open_learning
from backend.learning.project_folder import ProjectFolder
from backend.queueing.enqueue import enqueue_predict
from backend.queueing.names import INFERENCE
from backend.settings import load_settings
from tests.backend.learning.versions import facts
from tests.backend.web.bodies import LABELS, photo_tasks
from tests.faults.tcp_switch import TcpSwitch
from tests.processes import BackendProcess, Installation, MakeInstallation, wait_until
from tests.s3 import S3Server
from tests.training.tiny import write_dataset
from training.checkpoint_files import save_model
from training.models import fresh_model
from training.recipe_files import load_recipe
from training.storage.bucket import Bucket
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import model_version, parse_notation

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

KEY = "7-1790841600"
MakeVersion = Callable[[str], int]


@pytest.fixture
def door(s3: S3Server) -> Iterator[TcpSwitch]:
    """Between the workers and the S3 server."""
    switch = TcpSwitch(target=s3.port)
    yield switch
    switch.shut()


@pytest.fixture
def address(s3: S3Server) -> str:
    return s3.make_bucket()


@pytest.fixture
def own(new_installation: MakeInstallation, s3: S3Server, door: TcpSwitch, address: str) -> Installation:
    return new_installation(ZEGCLIP_STORAGE_URL=address, **s3.environment(port=door.port))


@pytest.fixture
def workers(own: Installation, tmp_path: Path) -> list[BackendProcess]:
    """Two workers, each with a data folder of its own."""
    return [own.start_worker("inference", ZEGCLIP_DATA_DIR=str(tmp_path / name)) for name in ("one", "other")]


@pytest.fixture
def project(tmp_path: Path, address: str) -> ProjectFolder:
    """The project as a third machine sees it, which reaches the storage without the door."""
    settings = load_settings(data_dir=tmp_path / "trainer", storage_url=address)
    return open_learning(settings).project(KEY)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A model on the embedded backbone, as a training leaves one."""
    configuration = load_recipe("zegclip-mini", "fully", [])
    backbone = load_backbone(parse_notation("zegclip-mini"), cache_dir=None)
    model = fresh_model(backbone, configuration.model, seed=0)
    save_model(
        tmp_path / "checkpoint",
        model,
        backbone=backbone,
        configuration=configuration,
        description=write_dataset(tmp_path / "dataset"),
        loss=0.0,
    )
    return tmp_path / "checkpoint"


@pytest.fixture
def publish(project: ProjectFolder, checkpoint: Path) -> MakeVersion:
    def one(run: str) -> int:
        return project.registry.publish(checkpoint, facts(run), still_valid=lambda: None).number

    return one


def painted_with(own: Installation) -> list[str]:
    """Paint one task with each worker that is free, and return the versions that did it."""
    payload = {"tasks": photo_tasks()[:1], "label_config": LABELS, "project": "7", "project_key": KEY}
    jobs = [enqueue_predict(payload, queue=INFERENCE, connection=own.connection) for _ in range(2)]
    wait_until(
        lambda: all(job.get_status() in ("finished", "failed") for job in jobs), "the tasks are painted"
    )
    return [version_of(job) for job in jobs]


def version_of(job: Job) -> str:
    value = job.return_value(refresh=True)
    assert value is not None, job.exc_info
    [item] = value["results"]
    assert item["result"], item
    return str(item["model_version"])


def until_all_say(own: Installation, workers: list[BackendProcess], what: str) -> None:
    """Paint until each worker's log has a line."""

    def said() -> bool:
        painted_with(own)
        return all(what in worker.log_text() for worker in workers)

    wait_until(said, f"every worker says {what!r}")


def test_workers_follow_promotions_survive_damage_and_go_on_without_the_storage(
    own: Installation,
    workers: list[BackendProcess],
    project: ProjectFolder,
    publish: MakeVersion,
    address: str,
    door: TcpSwitch,
) -> None:
    assert set(painted_with(own)) == {model_version(parse_notation("zegclip-mini"))}
    first = publish("first")
    project.registry.promote(first, why="better")
    until_all_say(own, workers, f"served by version {first}")
    assert set(painted_with(own)) == {"project-7-v1"}

    # A byte of the next version is wrong in the storage; the machine that published it has a sound copy.
    second = publish("second")
    damaged = Bucket(address).below("learning", KEY, "models", "versions", f"{second:04d}")
    name = next(one for one in damaged.names() if one.endswith(".safetensors"))
    content = bytearray(damaged.read(name))
    content[len(content) // 2] ^= 1
    damaged.write(name, bytes(content))
    project.registry.promote(second, why="better still")
    assert set(painted_with(own)) == {"project-7-v1"}
    assert project.registry.aliases.champion == first
    logs = "".join(worker.log_text() for worker in workers)
    assert f"version {second} is damaged" in logs
    assert "has SHA-256" in logs

    # Nobody tells the workers of the next promotion while the storage is away.
    third = publish("third")
    door.shut()
    project.registry.promote(third, why="best")
    assert set(painted_with(own)) == {"project-7-v1"}
    door.open()
    until_all_say(own, workers, f"served by version {third}")
    assert set(painted_with(own)) == {"project-7-v3"}
    assert [worker.exit_code for worker in workers] == [None, None]
