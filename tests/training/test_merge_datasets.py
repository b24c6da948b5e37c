from pathlib import Path

import numpy as np
import pytest

from tests.training.tiny import CAT, DOG, SOFA, halves, write_dataset
from training.dataset_description import DatasetClass, DatasetDescription
from training.dataset_files import read_image, read_mask
from training.errors import DatasetDescriptionError
from training.merge_datasets import merge_datasets


@pytest.fixture
def pets(tmp_path: Path) -> DatasetDescription:
    return write_dataset(tmp_path / "sets" / "pets")


@pytest.fixture
def rooms(tmp_path: Path) -> DatasetDescription:
    """Other numbers: 1 couch (the sofa of the other set), 2 screen, 3 puppy; no background."""
    written = write_dataset(tmp_path / "sets" / "rooms", masks=[halves(1, 2), halves(3, 3)])
    rooms = DatasetDescription(
        root=written.root,
        name="rooms",
        classes=(
            DatasetClass(1, "couch", ("couch", "settee")),
            DatasetClass(2, "screen", ("screen",)),
            DatasetClass(3, "puppy", ("puppy",)),
        ),
        splits=written.splits,
        image_suffix=".png",
        ignore_index=0,
    )
    rooms.save()
    return rooms


def test_classes_with_a_common_word_are_one_and_keep_all_words(
    tmp_path: Path, pets: DatasetDescription, rooms: DatasetDescription
) -> None:
    merged = merge_datasets(
        {"pets": (pets, "train"), "rooms": (rooms, "train")}, tmp_path / "out", same=[("puppy", "dog")]
    )
    assert [(one.index, one.name) for one in merged.classes] == [
        (0, "background"),
        (1, "cat"),
        (2, "dog"),
        (3, "sofa"),
        (4, "screen"),
    ]
    assert merged.classes[3].prompts == ("sofa", "couch", "settee")
    assert merged.classes[2].prompts == ("dog", "puppy")


def test_masks_are_renumbered_and_photographs_stay_where_they_are(
    tmp_path: Path, pets: DatasetDescription, rooms: DatasetDescription
) -> None:
    merge_datasets({"pets": (pets, "train"), "rooms": (rooms, "train")}, tmp_path / "out")
    merged = DatasetDescription.load(tmp_path / "out")
    ids = merged.ids("train")
    assert len(ids) == 8
    first, room = ids[0], ids[6]
    assert merged.image_path(first).resolve() == pets.image_path("picture0").resolve()
    assert np.array_equal(read_image(merged, room), read_image(rooms, "picture0"))
    assert np.array_equal(np.unique(read_mask(merged, first)), [0, CAT, DOG])
    names = {one.index: one.name for one in merged.classes}
    mask = read_mask(merged, room)
    assert (names[int(mask[0, 0])], names[int(mask[0, -1])]) == ("sofa", "screen")
    assert mask[-1, 0] == merged.ignore_index


def test_unseen_classes_are_those_of_the_merged_set(
    tmp_path: Path, pets: DatasetDescription, rooms: DatasetDescription
) -> None:
    sources = {"pets": (pets, "train"), "rooms": (rooms, "train")}
    assert merge_datasets(sources, tmp_path / "out", unseen=["screen"]).unseen == ("screen",)
    with pytest.raises(DatasetDescriptionError, match="'unseen' names"):
        merge_datasets(sources, tmp_path / "other", unseen=["horse"])


def test_photographs_of_several_kinds_are_refused(tmp_path: Path, pets: DatasetDescription) -> None:
    other = DatasetDescription(root=pets.root, name="jpeg", classes=pets.classes, splits=pets.splits)
    with pytest.raises(DatasetDescriptionError, match="merge sets of one kind only"):
        merge_datasets({"pets": (pets, "train"), "jpeg": (other, "train")}, tmp_path / "out")


def test_sofa_stays_sofa(pets: DatasetDescription, tmp_path: Path) -> None:
    merged = merge_datasets({"pets": (pets, "train")}, tmp_path / "out")
    assert merged.classes[SOFA].name == "sofa"
