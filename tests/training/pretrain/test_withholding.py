"""Withheld words: which classes go with them; training meets them neither as a name nor as a pixel."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.training.pretrain.test_tower import SETTINGS, write_data
from training.dataset_description import DatasetDescription
from training.errors import ConfigurationError
from training.label_mapping import IGNORED, NEGATIVE
from training.pretrain.__main__ import main
from training.pretrain.mixture import Mixture, Source
from training.pretrain.withholding import Withheld, listed_words, withhold
from training.run_files import load_state


@pytest.fixture
def animals(tmp_path: Path) -> DatasetDescription:
    return write_data(tmp_path / "animals", ("cat", "dog"))


def test_a_withheld_word_takes_its_class_and_all_names_of_it(animals: DatasetDescription) -> None:
    withheld = withhold(["Dog"], [animals])
    assert withheld.classes == (("dog",),)
    assert withheld.words == {"dog", "big dog"}


def test_a_prompt_withholds_as_a_name_does(animals: DatasetDescription) -> None:
    assert withhold(["big dog"], [animals]).classes == (("dog",),)


def test_names_are_withheld_in_all_data_sets(animals: DatasetDescription, tmp_path: Path) -> None:
    street = write_data(tmp_path / "street", ("road", "big dog"))
    withheld = withhold(["dog"], [animals, street])
    assert withheld.classes == (("dog",), ("big dog",))
    assert withheld.words == {"dog", "big dog", "big big dog"}


def test_a_word_of_no_data_set_is_a_mistake(animals: DatasetDescription) -> None:
    with pytest.raises(ConfigurationError, match="drago"):
        withhold(["dog", "drago"], [animals])


def test_nothing_withheld_leaves_everything(animals: DatasetDescription) -> None:
    withheld = withhold([], [animals])
    assert withheld.classes == ((),)
    assert withheld.admitted(["dog"]) == ["dog"]


def test_words_that_contain_a_withheld_one_are_not_admitted() -> None:
    withheld = Withheld(frozenset({"bear", "tv"}))
    assert withheld.admitted(["brown Bear", "beard", "TV", "tvs", "bear-cat"]) == ["beard", "tvs"]


def test_words_come_from_a_file_or_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("potted plant\n\n sofa \n")
    assert listed_words(str(tmp_path / "words.txt")) == ["potted plant", "sofa"]
    assert listed_words("potted plant, sofa") == ["potted plant", "sofa"]
    assert listed_words(None) == []


def test_pixels_of_withheld_classes_count_nowhere(animals: DatasetDescription) -> None:
    source = Source(description=animals, split="train", withheld=("cat",))
    assert [one.name for one in source.mapping().classes] == ["dog"]
    assert source.mapping().targets(np.array([[0, 1, 2, 255]], np.uint16)).tolist() == [
        [NEGATIVE, IGNORED, 0, IGNORED]
    ]
    mixture = Mixture([source], settings=SETTINGS)
    batches = [mixture.batch(step) for step in range(6)]
    assert {one.name for one in batches[0].classes[: batches[0].own]} == {"dog"}
    assert any((batch.targets == IGNORED).any() for batch in batches)


def test_the_tower_stage_withholds(
    animals: DatasetDescription, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.pretrain.tower_command.TowerSettings", lambda: SETTINGS)
    asked: list[str] = []
    monkeypatch.setattr("training.pretrain.tower.WordTargets", _recording(asked))
    (tmp_path / "vocabulary.txt").write_text("house\nguide dog\n")
    out = tmp_path / "run"
    arguments = ["tower", "--data", f"{animals.root}:train", "--withhold", "dog", "--out", str(out)]
    assert main([*arguments, "--vocabulary", str(tmp_path / "vocabulary.txt"), "--steps", "1"]) == 0

    assert {"cat", "house"} <= set(asked)
    assert not {"dog", "big dog", "guide dog"} & set(asked)
    stage = json.loads((out / "zegclip-mini.json").read_text())["stages"][-1]
    assert stage["withheld"] == ["big dog", "dog"]
    assert stage["steps"] == 1


def test_a_run_does_not_go_on_with_other_words_withheld(
    animals: DatasetDescription, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.pretrain.tower_command.TowerSettings", lambda: SETTINGS)
    arguments = ["tower", "--data", f"{animals.root}:train", "--out", str(tmp_path / "run"), "--steps", "1"]
    assert main([*arguments, "--withhold", "dog"]) == 0
    assert main(arguments) == 1
    state = load_state(tmp_path / "run")
    assert state is not None and "dog" in state["identity"]["sources"]


def _recording(asked: list[str]) -> type:
    from training.pretrain.words import WordTargets

    class Recording(WordTargets):
        def __init__(self, **given: object) -> None:
            asked.extend(given["words"])  # type: ignore[arg-type]
            super().__init__(**given)  # type: ignore[arg-type]

    return Recording
