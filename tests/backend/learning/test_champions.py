"""Which model paints a project: decided anew for every job."""

import uuid
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from backend.learning import champions as module
from backend.learning.champions import Champions
from backend.learning.learning_storage import LearningStorage
from backend.learning.project_folder import ProjectFolder, learning_root
from tests.backend.learning.pretend import KEY
from tests.backend.learning.versions import publish
from training.storage.bucket import Bucket
from training.storage.errors import StorageAwayError
from zegclip_core.engines.precision import EngineWish
from zegclip_core.errors import WeightsError
from zegclip_core.segmenter import Segmenter

BASE = cast("Segmenter", SimpleNamespace(model_version="base@1"))


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was loaded; loading is replaced, its own tests are those of the segmenter."""
    loaded: list[str] = []

    def build(notation: str, **options: object) -> object:
        loaded.append(Path(notation).parent.name)
        return pretend_segmenter(notation, "torch" if options["engine"] == "torch" else "openvino int8")

    monkeypatch.setattr(module, "build_segmenter", build)
    return loaded


@dataclass
class PretendTower:
    """A tower that knows nothing but the engine it runs on."""

    engine: SimpleNamespace | None

    @property
    def engine_name(self) -> str:
        return "torch" if self.engine is None else str(self.engine.name)


def pretend_segmenter(notation: str, engine: str) -> object:
    tower = PretendTower(None if engine == "torch" else SimpleNamespace(name=engine))
    return SimpleNamespace(model_version=notation, head=SimpleNamespace(tower=tower))


@pytest.fixture
def folder(tmp_path: Path) -> ProjectFolder:
    return ProjectFolder(root=learning_root(tmp_path), key=KEY)


@pytest.fixture
def champions(tmp_path: Path) -> Champions:
    return Champions(
        base=BASE,
        learning=LearningStorage(learning_root(tmp_path)),
        cache_dir=tmp_path / "cache",
        device="cpu",
    )


def test_the_base_model_serves_projects_that_have_not_learned(champions: Champions) -> None:
    assert champions.of(None) == (BASE, "base@1")
    assert champions.of("1-2") == (BASE, "base@1")


def test_a_promotion_and_a_rollback_count_from_the_next_job(
    champions: Champions, folder: ProjectFolder, loads: list[str], tmp_path: Path
) -> None:
    publish(folder, tmp_path)
    assert champions.of(KEY)[1] == "project-7-v1"
    publish(folder, tmp_path)
    assert champions.of(KEY)[1] == "project-7-v2"
    folder.registry.rollback(why="worse")
    assert champions.of(KEY)[1] == "project-7-v1"
    assert loads == ["0001", "0002"]


def test_a_damaged_champion_is_replaced_by_the_previous_version(
    champions: Champions, folder: ProjectFolder, loads: list[str], tmp_path: Path
) -> None:
    publish(folder, tmp_path)
    second = publish(folder, tmp_path)
    (folder.registry.find(second).model_folder / "weights.txt").write_text("Weights")
    assert champions.of(KEY)[1] == "project-7-v1"


def test_a_version_that_cannot_be_loaded_leaves_the_base_model(
    champions: Champions, folder: ProjectFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise WeightsError("no weights")

    monkeypatch.setattr(module, "build_segmenter", broken)
    publish(folder, tmp_path)
    assert champions.of(KEY) == (BASE, "base@1")


def test_few_models_stay_in_memory(champions: Champions, loads: list[str], tmp_path: Path) -> None:
    keys = [f"{number}-1" for number in range(6)]
    for key in keys:
        publish(ProjectFolder(root=learning_root(tmp_path), key=key), tmp_path)
        champions.of(key)
    champions.of(keys[-1])
    assert len(loads) == 6
    champions.of(keys[0])
    assert len(loads) == 7


@pytest.mark.parametrize(
    ("losses", "wish", "engine"),
    [
        ({"openvino int8": 0.5}, "auto", "openvino int8"),
        ({"openvino int8": 0.5}, "openvino", "openvino int8"),
        ({"openvino int8": 0.5}, "torch", "torch"),
        ({"openvino int8": 0.6}, "auto", "torch"),
        ({"openvino fp32": 0.0}, "openvino", "torch"),
        ({}, "auto", "torch"),
    ],
)
def test_a_version_runs_on_an_engine_on_which_it_was_measured_and_lost_little(
    folder: ProjectFolder,
    loads: list[str],
    tmp_path: Path,
    losses: dict[str, float],
    wish: EngineWish,
    engine: str,
) -> None:
    publish(folder, tmp_path, engine_losses=losses)
    champions = Champions(
        base=BASE,
        learning=LearningStorage(learning_root(tmp_path)),
        cache_dir=tmp_path / "cache",
        device="cpu",
        engine=wish,
    )
    assert champions.of(KEY)[0].head.tower.engine_name == engine


def test_the_version_that_served_last_goes_on_while_the_storage_is_away(
    loads: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = Bucket(f"memory://{uuid.uuid4().hex}")
    trainer = LearningStorage(learning_root(tmp_path / "trainer"), bucket).project(KEY)
    champions = Champions(
        base=BASE,
        learning=LearningStorage(learning_root(tmp_path / "worker"), bucket),
        cache_dir=tmp_path / "cache",
        device="cpu",
    )
    publish(trainer, tmp_path)
    assert champions.of(KEY)[1] == "project-7-v1"
    publish(trainer, tmp_path)

    def away(*_: object, **__: object) -> None:
        raise StorageAwayError("nobody there")

    # The alias can still be read, the version's files cannot.
    monkeypatch.setattr(Bucket, "download", away)
    assert champions.of(KEY)[1] == "project-7-v1"
    monkeypatch.undo()
    assert trainer.registry.aliases.champion == 2
