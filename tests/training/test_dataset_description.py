import json
from pathlib import Path
from typing import Any

import pytest

from tests.training.tiny import BACKGROUND, CAT, DOG, SOFA, write_dataset
from training.dataset_description import DatasetDescription
from training.errors import DatasetDescriptionError, EmptySplitError, SplitError


def rewrite(root: Path, **changes: Any) -> Path:
    write_dataset(root)
    file = root / "dataset.json"
    document = json.loads(file.read_text()) | changes
    file.write_text(json.dumps(document))
    return file


def test_a_description_survives_the_way_to_disk_and_back(tmp_path: Path) -> None:
    written = write_dataset(tmp_path)
    assert DatasetDescription.load(tmp_path) == written
    assert DatasetDescription.load(tmp_path / "dataset.json") == written


def test_classes_are_ordered_by_their_mask_value(tmp_path: Path) -> None:
    write_dataset(tmp_path)
    document = json.loads((tmp_path / "dataset.json").read_text())
    rewrite(tmp_path, classes=document["classes"][::-1])
    assert [one.index for one in DatasetDescription.load(tmp_path).classes] == [0, 1, 2, 3]


def test_background_is_no_foreground(tmp_path: Path) -> None:
    description = write_dataset(tmp_path)
    assert description.background is not None
    assert description.background.index == BACKGROUND
    assert [one.index for one in description.foreground] == [CAT, DOG, SOFA]


def test_unseen_classes_by_mask_value(tmp_path: Path) -> None:
    description = write_dataset(tmp_path)
    assert description.unseen_indices() == (SOFA,)
    assert description.seen_indices() == (BACKGROUND, CAT, DOG)
    assert description.unseen_indices(["dog", "cat"]) == (CAT, DOG)
    with pytest.raises(DatasetDescriptionError, match="'horse'"):
        description.unseen_indices(["horse"])


def test_labels_carry_synonyms_or_the_first_word_only(tmp_path: Path) -> None:
    description = write_dataset(tmp_path)
    assert description.labels()[0].prompts == ("cat", "kitten")
    assert description.labels(synonyms=False)[0].prompts == ("cat",)


def test_files_of_an_image(tmp_path: Path) -> None:
    description = write_dataset(tmp_path)
    assert description.image_path("picture1") == tmp_path / "images" / "picture1.png"
    assert description.mask_path("picture1") == tmp_path / "masks" / "picture1.png"


def test_a_class_without_prompts_is_looked_for_by_its_name(tmp_path: Path) -> None:
    file = rewrite(tmp_path, classes=[{"index": 1, "name": "cat"}], unseen=[])
    assert DatasetDescription.load(file).classes[0].prompts == ("cat",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classes": []}, "'classes' must be a list"),
        ({"classes": [{"index": 1, "name": " "}]}, "has no name"),
        ({"classes": [{"index": -1, "name": "cat"}]}, "use its value in the masks"),
        ({"classes": [{"index": 255, "name": "cat"}]}, "also 'ignore_index'"),
        ({"classes": [{"index": 1, "name": "cat", "prompts": []}]}, "needs a list of words"),
        ({"classes": [{"index": 1, "name": "cat"}, {"index": 1, "name": "dog"}]}, "have the index 1"),
        ({"classes": [{"index": 1, "name": "cat"}, {"index": 2, "name": "cat"}]}, "have the name 'cat'"),
        (
            {"classes": [{"index": 0, "name": "background", "background": True}]},
            "no class but the background",
        ),
        ({"unseen": ["horse"]}, "'unseen' names"),
        ({"splits": {}}, "'splits' must name at least one file"),
        ({"ignore_index": "no"}, "'ignore_index' must be"),
    ],
)
def test_a_description_that_contradicts_itself_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    defaults: dict[str, Any] = {"unseen": []} if "classes" in changes else {}
    file = rewrite(tmp_path, **(defaults | changes))
    with pytest.raises(DatasetDescriptionError, match=message) as caught:
        DatasetDescription.load(file)
    assert str(file) in str(caught.value)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetDescriptionError, match=r"dataset.json"):
        DatasetDescription.load(tmp_path)
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(DatasetDescriptionError, match=r"dataset.json"):
        DatasetDescription.load(tmp_path)


def test_splits_are_read_in_the_order_of_their_file(tmp_path: Path) -> None:
    description = write_dataset(tmp_path)
    (tmp_path / "splits" / "train.txt").write_text("picture3\n\n picture1 \n")
    assert description.ids("train") == ("picture3", "picture1")


def test_splits_that_cannot_be_used_say_why(tmp_path: Path) -> None:
    description = write_dataset(tmp_path)
    with pytest.raises(SplitError, match="no split 'val': use one of train"):
        description.ids("val")
    file = tmp_path / "splits" / "train.txt"
    file.write_text("picture1\npicture1\n")
    with pytest.raises(SplitError, match="lists 'picture1' more than once"):
        description.ids("train")
    file.write_text("")
    with pytest.raises(EmptySplitError, match="lists no image"):
        description.ids("train")
    file.unlink()
    with pytest.raises(SplitError, match="does not exist"):
        description.ids("train")
