"""A project that two machines learn from: what one has read, trained and published the other knows."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from backend.learning.ingest import Ingest
from backend.learning.learning_storage import LearningStorage, open_learning
from backend.learning.preparation import Preparation
from backend.learning.project_folder import ProjectFolder, learning_root
from backend.learning.sample_store import SampleStore
from backend.learning.served_version import all_served_versions, served_version
from backend.learning.train_project import ProjectTrainer, TrainerSettings
from backend.settings import load_settings
from tests.backend.learning.pretend import KEY, PretendLabelStudio, brush, image_source
from tests.backend.learning.toy import CONFIG, correction, toy_pictures
from tests.backend.learning.versions import publish
from tests.processes import data_url
from training.gate import GateSettings
from training.storage.bucket import Bucket

PICTURES = 8
MakeMachine = Callable[[str], LearningStorage]


@pytest.fixture
def machine(tmp_path: Path) -> MakeMachine:
    bucket = Bucket(f"memory://{uuid.uuid4().hex}").below("learning")
    return lambda name: LearningStorage(learning_root(tmp_path / name), bucket)


def ingest(server: PretendLabelStudio, folder: ProjectFolder, scratch: Path) -> Ingest:
    return Ingest(client=server.client, images=image_source(scratch), folder=folder)


def trainer(server: PretendLabelStudio, folder: ProjectFolder, scratch: Path) -> ProjectTrainer:
    images = image_source(scratch)
    return ProjectTrainer(
        folder=folder,
        ingest=Ingest(client=server.client, images=images, folder=folder),
        preparation=Preparation(
            folder=folder, client=server.client, images=images, seen_pixels=100, transduction_images=2
        ),
        settings=TrainerSettings(
            model="zegclip-mini",
            device="cpu",
            cache_dir=scratch / "cache",
            iterations=2,
            gate=GateSettings(smallest_gain=-101.0, largest_drop=101.0),
        ),
    )


def test_what_one_machine_has_read_the_other_does_not_read_again(
    machine: MakeMachine, tmp_path: Path
) -> None:
    server = PretendLabelStudio()
    task = server.add_task()
    server.annotate(task, [brush("a", "cat", (0, 4))])
    first, second = (machine(name).project(KEY) for name in ("first", "second"))
    assert ingest(server, first, tmp_path / "a").run(events_read=5).read == 1
    assert ingest(server, second, tmp_path / "b").run().read == 0
    assert second.state.events_read == 5
    [sample] = SampleStore(files=second.samples).samples()
    mask = SampleStore(files=first.samples).read_mask(sample.mask)
    assert (SampleStore(files=second.samples).read_mask(sample.mask) == mask).all()
    assert SampleStore(files=second.samples).read_image(sample.image).shape == (*mask.shape, 3)


def test_a_promotion_is_told_by_every_machine(machine: MakeMachine, tmp_path: Path) -> None:
    assert all_served_versions(machine("second"), base="base@1") == ["base@1"]
    publish(machine("first").project(KEY), tmp_path)
    assert served_version(machine("second"), KEY, base="base@1") == "project-7-v1"
    assert all_served_versions(machine("second"), base="base@1") == ["base@1", "project-7-v1"]


@pytest.mark.slow
def test_a_machine_trains_from_what_another_one_published(machine: MakeMachine, tmp_path: Path) -> None:
    server = PretendLabelStudio()
    server.config = CONFIG
    pictures = toy_pictures(PICTURES)
    for picture in pictures:
        address = data_url(picture.photo.content, kind="image/png")
        server.annotate(server.add_task(data={"image": address}), correction(picture.truth))
    first, second = (machine(name).project(KEY) for name in ("first", "second"))
    assert trainer(server, first, tmp_path / "a").run("one").outcome == "promoted"
    assert trainer(server, second, tmp_path / "b").run("two").outcome == "nothing new"
    address = data_url(pictures[0].photo.content, kind="image/png")
    server.annotate(server.add_task(data={"image": address}), correction(pictures[0].truth))
    assert trainer(server, second, tmp_path / "b").run("three").version == 2
    assert first.registry.find(2).facts.parent == 1
    serving = first.registry.champion()
    assert serving is not None
    assert serving.number == 2


@pytest.mark.parametrize("address", ["{}", "file://{}"])
def test_a_folder_that_machines_mount_needs_no_copies(tmp_path: Path, address: str) -> None:
    settings = load_settings(data_dir=tmp_path / "data", storage_url=address.format(tmp_path / "mounted"))
    learning = open_learning(settings)
    publish(learning.project(KEY), tmp_path)
    assert (tmp_path / "mounted" / "learning" / KEY / "models" / "versions" / "0001").is_dir()
    assert not (tmp_path / "data").exists()


def test_copies_of_one_storage_are_not_taken_for_those_of_another(tmp_path: Path) -> None:
    roots = {
        open_learning(load_settings(data_dir=tmp_path, storage_url=address)).root
        for address in (None, "s3://one/x", "s3://other/x")
    }
    assert len(roots) == 3
