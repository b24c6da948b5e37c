"""Versions that machines share in an object store, and the copies that each of them keeps."""

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.registry.test_registry import facts
from training.registry.aliases import Aliases
from training.registry.bucket_versions import BucketVersions
from training.registry.errors import DamagedVersionError, LostFenceError, UnknownVersionError
from training.registry.registry import ModelRegistry
from training.storage.bucket import Bucket
from training.storage.errors import StorageAwayError

MakeMachine = Callable[[str], "Machine"]


class Machine:
    """A machine with a folder of its own."""

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self.folder = folder
        self.registry = ModelRegistry(store=BucketVersions(bucket, folder))

    def copy_of(self, number: int, file: str = "head.safetensors") -> Path:
        return self.folder / "versions" / f"{number:04d}" / "model" / file


@pytest.fixture
def bucket() -> Bucket:
    return Bucket(f"memory://{uuid.uuid4().hex}/models")


@pytest.fixture
def trainer(bucket: Bucket, tmp_path: Path) -> Machine:
    return Machine(bucket, tmp_path / "trainer")


@pytest.fixture
def worker(bucket: Bucket, tmp_path: Path) -> Machine:
    return Machine(bucket, tmp_path / "worker")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "head.safetensors").write_bytes(b"weights" * 100)
    (folder / "card.json").write_text("{}")
    return folder


@pytest.fixture
def published(trainer: Machine, model: Path) -> int:
    number = trainer.registry.publish(model, facts("first"), still_valid=lambda: None).number
    trainer.registry.promote(number, why="better")
    return number


@pytest.fixture
def switch_off(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Take the store away, as if its server were gone."""

    def away(*_: object, **__: object) -> None:
        raise ConnectionRefusedError("nobody there")

    def off() -> None:
        import fsspec

        memory = fsspec.get_filesystem_class("memory")
        for name in ("cat_file", "cat", "get_file", "find", "info", "ls", "pipe_file", "put_file"):
            monkeypatch.setattr(memory, name, away)

    return off


def test_a_promotion_on_one_machine_is_seen_on_another(worker: Machine, published: int) -> None:
    serving = worker.registry.champion()
    assert serving is not None
    assert serving.number == published
    assert serving.facts == facts("first")
    assert serving.model_folder == worker.copy_of(published).parent
    assert worker.copy_of(published).read_bytes() == b"weights" * 100


def test_a_damaged_copy_is_fetched_again(worker: Machine, published: int) -> None:
    worker.registry.verified(published)
    worker.copy_of(published).write_bytes(b"Weights" * 100)
    worker.copy_of(published, "left over").write_text("x")
    (worker.copy_of(published).parent.parent / "manifest.json").write_text("{}")
    worker.registry.verified(published)
    assert worker.copy_of(published).read_bytes() == b"weights" * 100
    assert worker.registry.aliases.champion == published


def test_a_sound_copy_serves_while_the_store_is_away(
    worker: Machine, published: int, switch_off: Callable[[], None]
) -> None:
    worker.registry.champion()
    switch_off()
    serving = worker.registry.champion()
    assert serving is not None
    assert serving.number == published


def test_a_version_without_a_copy_is_not_called_damaged_while_the_store_is_away(
    worker: Machine, bucket: Bucket, published: int, switch_off: Callable[[], None]
) -> None:
    assert worker.registry.aliases.champion == published
    switch_off()
    with pytest.raises(StorageAwayError):
        worker.registry.champion()
    assert worker.registry.aliases.champion == published


def test_a_machine_that_never_knew_an_alias_serves_the_base_model_while_the_store_is_away(
    worker: Machine, published: int, switch_off: Callable[[], None]
) -> None:
    switch_off()
    assert worker.registry.aliases == Aliases()
    with pytest.raises(StorageAwayError):
        worker.registry.rollback(why="by hand")


def test_a_version_that_is_not_uploaded_whole_does_not_exist(
    trainer: Machine, worker: Machine, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = Bucket.upload

    def cut_off(self: Bucket, path: Path, name: str) -> None:
        if name.endswith("manifest.sha256"):
            raise StorageAwayError("the line is cut")
        upload(self, path, name)

    monkeypatch.setattr(Bucket, "upload", cut_off)
    with pytest.raises(StorageAwayError):
        trainer.registry.publish(model, facts("first"), still_valid=lambda: None)
    assert (worker.registry.numbers(), list((trainer.folder / "versions").iterdir())) == ([], [])
    with pytest.raises(UnknownVersionError):
        worker.registry.verified(1)
    monkeypatch.undo()
    assert trainer.registry.publish(model, facts("first"), still_valid=lambda: None).number == 2


def test_a_training_that_is_overtaken_while_it_uploads_publishes_nothing(
    trainer: Machine, worker: Machine, model: Path, bucket: Bucket
) -> None:
    def overtaken_at_the_end() -> None:
        if bucket.names("versions"):
            raise LostFenceError("overtaken")

    with pytest.raises(LostFenceError):
        trainer.registry.publish(model, facts("first"), still_valid=overtaken_at_the_end)
    assert worker.registry.numbers() == []


def test_a_damaged_object_is_named_and_put_aside_for_all_machines(
    trainer: Machine, worker: Machine, bucket: Bucket, model: Path, published: int
) -> None:
    second = trainer.registry.publish(model, facts("second"), still_valid=lambda: None).number
    trainer.registry.promote(second, why="better still")
    bucket.write(f"versions/{second:04d}/model/card.json", b"[]")
    with pytest.raises(DamagedVersionError, match=r"card\.json has SHA-256 .* published was"):
        worker.registry.verified(second)
    serving = worker.registry.champion()
    assert serving is not None
    assert serving.number == published
    assert trainer.registry.aliases.champion == published


def test_copies_of_versions_that_were_deleted_are_forgotten(
    trainer: Machine, worker: Machine, model: Path, published: int
) -> None:
    worker.registry.verified(published)
    for run in ("second", "third"):
        number = trainer.registry.publish(model, facts(run), still_valid=lambda: None).number
        trainer.registry.promote(number, why="better")
    assert trainer.registry.prune(keep=0) == [published]
    worker.registry.verified(number)
    assert not worker.copy_of(published).parent.exists()


def test_two_processes_of_a_machine_share_its_copies(worker: Machine, bucket: Bucket, published: int) -> None:
    neighbour = Machine(bucket, worker.folder)
    neighbour.registry.verified(published)
    shutil.rmtree(worker.copy_of(published).parent)
    worker.registry.verified(published)
    assert neighbour.registry.verified(published).number == published
