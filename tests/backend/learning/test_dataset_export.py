"""Training data is written from names: the labels may have changed since the corrections were made."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from backend.learning.dataset_export import (
    HOLDOUT,
    TRAIN,
    ExportedDataset,
    NotEnoughSamplesError,
    export_dataset,
    is_held_out,
)
from backend.learning.sample import Sample
from backend.learning.sample_store import SampleStore, TaskRecord
from training.dataset_description import DatasetDescription
from training.dataset_files import read_image, read_mask
from training.storage.local_files import LocalFiles
from zegclip_core.labels import Label

IMAGE = np.full((20, 30, 3), 99, np.uint8)
Export = Callable[..., ExportedDataset]


def label(name: str, *, background: bool = False) -> Label:
    return Label(name, (name,), background)


@pytest.fixture
def store(tmp_path: Path) -> SampleStore:
    """Corrections that say: cat on the left, sofa on the right, nothing between."""
    store = SampleStore(files=LocalFiles(tmp_path / "samples"))
    mask = np.zeros((20, 30), np.uint16)
    mask[:, :10], mask[:, 20:] = 1, 2
    for task in range(1, 21):
        sample = Sample(
            task=task,
            to_name="image",
            item=None,
            image=store.put_image(IMAGE),
            mask=store.put_mask(mask),
            labels=("cat", "sofa"),
            width=30,
            height=20,
            annotations=(task,),
            lead_time=None,
            updated_at="",
        )
        store.put_task(TaskRecord(task, "", (sample,)))
    return store


@pytest.fixture
def export(store: SampleStore, tmp_path: Path) -> Export:
    def run(*labels: Label, seen_pixels: int = 100, unlabelled: int = 0) -> ExportedDataset:
        return export_dataset(
            tmp_path / "dataset",
            name="project 7",
            store=store,
            labels=labels,
            unlabelled={f"unlabelled-{n}": IMAGE for n in range(unlabelled)},
            seen_pixels=seen_pixels,
        )

    return run


def shown(exported: ExportedDataset) -> list[str]:
    """What left, middle and right of the first training image are, by class name."""
    description = DatasetDescription.load(exported.description.root)
    mask = read_mask(description, description.ids(TRAIN)[0], shape=(20, 30))
    names = {one.index: one.name for one in description.classes} | {description.ignore_index: "ignored"}
    return [names[int(mask[0, column])] for column in (5, 15, 25)]


def test_unlabelled_pixels_are_ignored(export: Export) -> None:
    assert shown(export(label("cat"), label("sofa"))) == ["cat", "ignored", "sofa"]


def test_unlabelled_pixels_are_background_where_the_project_declares_one(export: Export) -> None:
    exported = export(label("cat"), label("sofa"), label("rest", background=True))
    assert shown(exported) == ["cat", "background", "sofa"]
    assert exported.seen == ("cat", "sofa")


def test_another_order_of_labels_changes_nothing_but_numbers(export: Export) -> None:
    assert shown(export(label("sofa"), label("new"), label("cat"))) == ["cat", "ignored", "sofa"]


def test_a_removed_or_renamed_label_is_ignored_and_comes_back(export: Export) -> None:
    assert shown(export(label("cat"), label("couch"))) == ["cat", "ignored", "ignored"]
    assert shown(export(label("cat"), label("sofa"))) == ["cat", "ignored", "sofa"]


def test_a_label_without_corrections_is_unseen(export: Export) -> None:
    exported = export(label("cat"), label("lamp"), label("sofa"))
    assert exported.seen == ("cat", "sofa")
    assert exported.description.unseen == ("lamp",)


def test_a_label_with_too_few_pixels_is_unseen(export: Export, store: SampleStore) -> None:
    mask = np.zeros((20, 30), np.uint16)
    mask[0, 0] = 1
    speck = Sample(
        task=99,
        to_name="image",
        item=None,
        image=store.put_image(IMAGE),
        mask=store.put_mask(mask),
        labels=("lamp",),
        width=30,
        height=20,
        annotations=(1,),
        lead_time=None,
        updated_at="",
    )
    store.put_task(TaskRecord(99, "", (speck,)))
    assert "lamp" not in export(label("cat"), label("lamp")).seen


def test_images_without_correction_go_along_where_something_is_unseen(export: Export) -> None:
    exported = export(label("cat"), label("lamp"), label("sofa"), unlabelled=3)
    ids = exported.description.ids(TRAIN)
    assert exported.unlabelled == 3
    assert {f"unlabelled-{n}" for n in range(3)} <= set(ids)
    mask = read_mask(exported.description, "unlabelled-0", shape=(20, 30))
    assert np.unique(mask).tolist() == [2]
    assert read_image(exported.description, "unlabelled-0").shape == IMAGE.shape


def test_without_unseen_labels_they_stay_out(export: Export) -> None:
    assert export(label("cat"), label("sofa"), unlabelled=3).unlabelled == 0


def test_the_holdout_never_trains_and_is_for_ever_the_same(export: Export) -> None:
    description = export(label("cat"), label("sofa")).description
    train, holdout = set(description.ids(TRAIN)), set(description.ids(HOLDOUT))
    assert train | holdout == {f"{task}-image" for task in range(1, 21)}
    assert not train & holdout
    assert holdout == {f"{task}-image" for task in range(1, 21) if is_held_out(task)}


def test_of_five_neighbours_one_is_held_out_and_not_always_the_same() -> None:
    held_out = [task for task in range(500) if is_held_out(task)]
    assert [task // 5 for task in held_out] == list(range(100))
    assert {task % 5 for task in held_out} == set(range(5))


def test_without_any_label_in_the_corrections_there_is_nothing_to_learn(export: Export) -> None:
    with pytest.raises(NotEnoughSamplesError, match="correct more tasks"):
        export(label("lamp"))


def test_more_labels_than_a_byte_holds(export: Export) -> None:
    exported = export(label("cat"), *(label(f"label {n}") for n in range(300)), label("sofa"))
    assert shown(exported) == ["cat", "ignored", "sofa"]
