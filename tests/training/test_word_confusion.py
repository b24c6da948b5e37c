"""Whose pixels a model paints as what, on pictures with masks."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tests.training.tiny import CAT, DOG, SIDE, SOFA, write_dataset
from training import word_confusion
from training.dataset_description import DatasetDescription
from training.errors import EvaluationError, MissingMaskError
from training.word_confusion import WordConfusion, classes_of_labels, measure_confusion
from zegclip_core.labels import Label, parse_words
from zegclip_core.segmenter import Segmenter

MODEL = cast("Segmenter", SimpleNamespace(model_version="stub@1"))


class StubScorer:
    """Paints all of a picture as the first label, but its last quarter of columns as nothing."""

    def __init__(self, *, classes: Sequence[Label], **_: Any) -> None:
        self.count = len(classes)

    def predict(self, image: np.ndarray, *, size: tuple[int, int]) -> np.ndarray:
        painted = np.zeros(size, np.int64)
        painted[:, -size[1] // 4 :] = self.count
        return painted


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DatasetDescription:
    monkeypatch.setattr(word_confusion, "ClassScorer", StubScorer)
    return write_dataset(tmp_path)


def measured(data: DatasetDescription, words: str) -> WordConfusion:
    return measure_confusion(MODEL, data, "train", parse_words(words))


def test_each_labels_pixels_are_shared_out(data: DatasetDescription) -> None:
    """Three pictures show cat left and dog right, three dog left and sofa right."""
    cat, dog = measured(data, "cat, dog").labels
    assert (cat.name, cat.images, cat.right, cat.nothing, cat.taken_for) == ("cat", 3, 100, 0, {})
    assert (dog.name, dog.images) == ("dog", 6)
    # Half of the dogs fill the right half, of which the last quarter of the picture is left unpainted.
    assert dog.taken_for == {"cat": 75}
    assert (dog.right, dog.nothing) == (0, 25)


def test_pixels_of_classes_outside_the_list_do_not_count(data: DatasetDescription) -> None:
    told = measured(data, "cat, plane")
    assert told.images == 3
    assert [one.name for one in told.labels] == ["cat"]
    assert told.unmeasured == ("plane",)


def test_a_label_that_the_data_set_lacks_competes(data: DatasetDescription) -> None:
    [(dog, other, share)] = measured(data, "plane, dog").pairs()
    assert (dog.name, other, share) == ("dog", "plane", 75)


def test_the_most_confused_pairs_come_first(data: DatasetDescription) -> None:
    pairs = measured(data, "plane, sofa, dog").pairs()
    assert [(one.name, share) for one, _, share in pairs] == [("dog", 75), ("sofa", 50)]


def test_progress_counts_all_photographs(data: DatasetDescription) -> None:
    seen: list[tuple[int, int]] = []
    labels = parse_words("cat")
    measure_confusion(MODEL, data, "train", labels, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(number, 6) for number in range(1, 7)]


@pytest.mark.parametrize(
    ("words", "owners"),
    [
        ("cat, dog", {CAT: 0, DOG: 1}),
        ("Couch, DOG", {SOFA: 0, DOG: 1}),
        ("kitten|tabby, cat", {CAT: 1}),
        ("couch, sofa", {SOFA: 1}),
        ("pet|cat|dog, sofa", {CAT: 0, DOG: 0, SOFA: 1}),
        ("kitten, pet|cat", {CAT: 1}),
        ("pet|cat, cat", {CAT: 1}),
        ("pet|kitten, kitten", {CAT: 1}),
        ("background", {}),
    ],
)
def test_a_class_belongs_to_the_label_of_its_name_then_of_its_words(
    tmp_path: Path, words: str, owners: dict[int, int]
) -> None:
    assert classes_of_labels(parse_words(words), write_dataset(tmp_path)) == owners


def test_labels_that_the_data_set_does_not_have_at_all_are_refused(data: DatasetDescription) -> None:
    with pytest.raises(EvaluationError, match="tiny has none of these labels: it has cat, dog, sofa"):
        measured(data, "aeroplane, ship")


def test_a_missing_mask_is_told_before_the_first_photograph(data: DatasetDescription) -> None:
    data.mask_path("picture5").unlink()
    with pytest.raises(MissingMaskError):
        measured(data, "cat")


def test_masks_without_any_pixel_of_the_labels_have_nothing_to_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(word_confusion, "ClassScorer", StubScorer)
    data = write_dataset(tmp_path, masks=[np.full((SIDE, SIDE), CAT)])
    told = measured(data, "dog")
    assert (told.labels, told.images, told.unmeasured) == ((), 0, ("dog",))
