from pathlib import Path

import numpy as np
import pytest

from tests.training.tiny import BACKGROUND, CAT, DOG, SOFA, write_dataset
from training.errors import ConfigurationError
from training.label_mapping import IGNORED, NEGATIVE, UNLABELLED, Phase, map_labels

MASK = np.array([[BACKGROUND, CAT, DOG, SOFA, 255]], dtype=np.uint16)


def targets(root: Path, phase: Phase, background: str = "ignore") -> list[int]:
    mapping = map_labels(write_dataset(root), phase, background=background)  # type: ignore[arg-type]
    return mapping.targets(MASK)[0].tolist()


def test_inductive_training_knows_seen_classes_only(tmp_path: Path) -> None:
    mapping = map_labels(write_dataset(tmp_path), "inductive", background="ignore")
    assert [one.name for one in mapping.classes] == ["cat", "dog"]
    assert (mapping.seen, mapping.unseen) == ((0, 1), ())
    assert targets(tmp_path, "inductive") == [IGNORED, 0, 1, IGNORED, IGNORED]


def test_self_training_knows_all_names_and_where_unseen_pixels_are(tmp_path: Path) -> None:
    mapping = map_labels(write_dataset(tmp_path), "self_training", background="ignore")
    assert [one.name for one in mapping.classes] == ["cat", "dog", "sofa"]
    assert (mapping.seen, mapping.unseen) == ((0, 1), (2,))
    assert targets(tmp_path, "self_training") == [IGNORED, 0, 1, UNLABELLED, IGNORED]


def test_full_supervision_uses_all_masks(tmp_path: Path) -> None:
    assert targets(tmp_path, "fully") == [IGNORED, 0, 1, 2, IGNORED]


def test_background_may_belong_to_none_of_the_classes(tmp_path: Path) -> None:
    assert targets(tmp_path, "fully", "negative") == [NEGATIVE, 0, 1, 2, IGNORED]


def test_self_training_without_unseen_classes_says_what_to_do(tmp_path: Path) -> None:
    description = write_dataset(tmp_path, unseen=())
    with pytest.raises(ConfigurationError, match=r"'unseen' in dataset.json, or use --mode fully"):
        map_labels(description, "self_training", background="ignore")


def test_nothing_can_be_learned_when_every_class_is_unseen(tmp_path: Path) -> None:
    description = write_dataset(tmp_path, unseen=("cat", "dog", "sofa"))
    with pytest.raises(ConfigurationError, match="every class is unseen"):
        map_labels(description, "inductive", background="ignore")
