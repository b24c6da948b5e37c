"""Model versions: immutable, checked before they serve, published by an alias."""

import errno
import os
import shutil
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from training.errors import DiskFullError
from training.registry.bucket_versions import BucketVersions
from training.registry.errors import DamagedVersionError, LostFenceError, UnknownVersionError
from training.registry.folder_versions import FolderVersions
from training.registry.manifest import VersionFacts
from training.registry.registry import ModelRegistry
from training.registry.store import VersionStore
from training.storage.bucket import Bucket

PublishOne = Callable[..., int]


def facts(run: str = "run", **changed: Any) -> VersionFacts:
    values: dict[str, Any] = {
        "run": run,
        "created_at": 1.0,
        "base": "zegclip-mini@4",
        "parent": None,
        "labels": {"cat": ("cat", "kitten")},
        "seen": ("cat",),
        "corrections": 20,
        "holdout": 4,
        "iou": {"cat": 60.0},
        "champion_iou": {"cat": 50.0},
        "promoted": True,
        "reason": "better",
    }
    return VersionFacts(**(values | changed))


@dataclass(frozen=True)
class Kept:
    """One way of keeping versions, and how its files come to harm."""

    store: VersionStore
    folder: Path
    bucket: Bucket | None = None

    def change(self, number: int, file: str, change: Callable[[bytes], bytes]) -> None:
        name = f"versions/{number:04d}/{file}"
        if self.bucket is None:
            path = self.folder / name
            path.write_bytes(change(path.read_bytes()))
        else:
            self.bucket.write(name, change(self.bucket.read(name)))
            self.forget_copies()

    def remove(self, number: int, file: str) -> None:
        name = f"versions/{number:04d}/{file}"
        if self.bucket is None:
            (self.folder / name).unlink()
        else:
            self.bucket.delete([name])
            self.forget_copies()

    def forget_copies(self) -> None:
        shutil.rmtree(self.folder / "versions", ignore_errors=True)

    def quarantined(self) -> set[str]:
        if self.bucket is None:
            return {path.name.split("-")[0] for path in (self.folder / "quarantine").iterdir()}
        return {name.split("/")[1].split("-")[0] for name in self.bucket.names("quarantine")}


@pytest.fixture(params=["folder", "object store"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    folder = tmp_path / "models"
    if request.param == "folder":
        return Kept(FolderVersions(folder), folder)
    bucket = Bucket(f"memory://{uuid.uuid4().hex}/models")
    return Kept(BucketVersions(bucket, folder), folder, bucket)


@pytest.fixture
def registry(kept: Kept) -> ModelRegistry:
    return ModelRegistry(store=kept.store)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "head.safetensors").write_bytes(bytes(range(256)) * 40)
    (folder / "card.json").write_text("{}")
    return folder


@pytest.fixture
def publish(registry: ModelRegistry, model: Path) -> PublishOne:
    def one(run: str, **changed: Any) -> int:
        return registry.publish(model, facts(run, **changed), still_valid=lambda: None).number

    return one


def flip_one_bit(content: bytes) -> bytes:
    flipped = bytearray(content)
    flipped[len(flipped) // 2] ^= 1
    return bytes(flipped)


def test_without_versions_the_base_model_serves(registry: ModelRegistry) -> None:
    assert registry.champion() is None
    assert registry.numbers() == []


def test_a_version_keeps_its_files_and_facts(registry: ModelRegistry, publish: PublishOne) -> None:
    number = publish("first", labels={"cat": ("cat", "kitten")}, iou={"cat": None})
    version = registry.verified(number)
    assert version.facts == facts("first", iou={"cat": None})
    assert (version.model_folder / "card.json").read_text() == "{}"


def test_publishing_puts_nothing_into_service(registry: ModelRegistry, publish: PublishOne) -> None:
    publish("first")
    assert registry.champion() is None


def test_promotion_and_rollback_walk_between_champion_previous_and_base(
    registry: ModelRegistry, publish: PublishOne
) -> None:
    first, second = publish("first"), publish("second")
    registry.promote(first, why="better")
    registry.promote(second, why="better still")
    assert (registry.aliases.champion, registry.aliases.previous) == (second, first)
    assert registry.rollback(why="looks worse") == first
    assert [entry["why"] for entry in registry.aliases.history] == ["better", "better still", "looks worse"]


def test_the_first_version_rolls_back_to_the_base(registry: ModelRegistry, publish: PublishOne) -> None:
    registry.promote(publish("first"), why="better")
    assert registry.rollback(why="worse") is None
    assert registry.champion() is None


def test_a_run_is_published_once(registry: ModelRegistry, publish: PublishOne) -> None:
    assert publish("same") == publish("same")
    assert registry.numbers() == [1]


def test_simultaneous_publications_get_different_numbers(
    registry: ModelRegistry, publish: PublishOne
) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(publish, [f"run {n}" for n in range(16)]))
    assert sorted(numbers) == list(range(1, 17))


def test_numbers_are_never_used_again(registry: ModelRegistry, publish: PublishOne) -> None:
    publish("first")
    second = publish("second")
    registry.promote(1, why="better")
    assert registry.prune(keep=0) == [second]
    assert publish("third") == 3


@pytest.mark.parametrize("file", ["model/head.safetensors", "manifest.json", "model/card.json"])
def test_one_flipped_bit_is_noticed_and_the_previous_version_takes_over(
    registry: ModelRegistry, publish: PublishOne, kept: Kept, file: str
) -> None:
    first, second = publish("first"), publish("second")
    registry.promote(first, why="better")
    registry.promote(second, why="better")
    kept.change(second, file, flip_one_bit)
    serving = registry.champion()
    assert serving is not None
    assert serving.number == first
    assert registry.aliases.champion == first
    assert kept.quarantined() == {"0002"}


def test_with_every_version_damaged_the_base_model_serves(
    registry: ModelRegistry, publish: PublishOne, kept: Kept
) -> None:
    for run in ("first", "second"):
        number = publish(run)
        registry.promote(number, why="better")
    for number in registry.numbers():
        kept.change(number, "model/head.safetensors", flip_one_bit)
    assert registry.champion() is None
    assert registry.aliases.champion is None


def test_a_damaged_version_cannot_be_promoted(
    registry: ModelRegistry, publish: PublishOne, kept: Kept
) -> None:
    first, second = publish("first"), publish("second")
    registry.promote(first, why="better")
    kept.change(second, "model/head.safetensors", flip_one_bit)
    with pytest.raises(DamagedVersionError, match="version 2 is damaged"):
        registry.promote(second, why="by hand")
    assert registry.aliases.champion == first


def test_a_missing_file_counts_as_damage(registry: ModelRegistry, publish: PublishOne, kept: Kept) -> None:
    number = publish("first")
    kept.remove(number, "model/card.json")
    with pytest.raises(DamagedVersionError, match=r"card\.json"):
        registry.verified(number)


def test_an_added_file_counts_as_damage(tmp_path: Path, model: Path) -> None:
    registry = ModelRegistry(store=FolderVersions(tmp_path / "models"))
    version = registry.publish(model, facts(), still_valid=lambda: None)
    (version.model_folder / "more").write_text("x")
    with pytest.raises(DamagedVersionError):
        registry.verified(version.number)


def test_a_full_disk_leaves_no_half_version_and_the_champion_alone(
    registry: ModelRegistry, publish: PublishOne, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.promote(publish("first"), why="better")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    monkeypatch.setattr(shutil, "copy2", full)
    with pytest.raises(DiskFullError, match="in service is untouched"):
        publish("second")
    serving = registry.champion()
    assert serving is not None
    assert serving.number == 1
    assert registry.numbers() == [1]
    assert list((kept.folder / "staging").iterdir()) == []


def test_an_overtaken_training_publishes_nothing(registry: ModelRegistry, model: Path) -> None:
    def overtaken() -> None:
        raise LostFenceError("overtaken")

    with pytest.raises(LostFenceError):
        registry.publish(model, facts(), still_valid=overtaken)
    assert registry.numbers() == []


def test_pruning_spares_champion_previous_and_the_newest(
    registry: ModelRegistry, publish: PublishOne
) -> None:
    for run in range(6):
        publish(f"run {run}")
    registry.promote(1, why="better")
    registry.promote(2, why="better")
    assert registry.prune(keep=1) == [3, 4, 5]
    assert registry.numbers() == [1, 2, 6]


def test_an_unknown_number_names_those_that_are_there(registry: ModelRegistry, publish: PublishOne) -> None:
    publish("first")
    with pytest.raises(UnknownVersionError, match="no version 9: choose one of 1"):
        registry.promote(9, why="")
