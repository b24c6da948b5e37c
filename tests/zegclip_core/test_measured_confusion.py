"""The table of measured confusion beside the weights: whose it is, and that it says nothing about others."""

from pathlib import Path

import pytest

from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS, read_card
from zegclip_core.errors import WeightsError
from zegclip_core.measured_confusion import (
    ConfusionTable,
    MeasuredPair,
    confusion_file,
    confusion_of,
    write_confusion,
)

PAIR = MeasuredPair(word="sheep", taken_for="cow", percent=18.2, data="COCO val", images=6)
TABLE = ConfusionTable(model_version="mini@3", sha256="ab12", words=("sheep", "Kühe"), pairs=(PAIR,))


def written(folder: Path) -> Path:
    """Weights with a table."""
    weights = folder / "mini.safetensors"
    write_confusion(confusion_file(weights), TABLE)
    return weights


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert confusion_of(written(tmp_path), model_version="mini@3", digest="ab12") == TABLE


def test_a_pair_has_a_line_of_its_own(tmp_path: Path) -> None:
    lines = confusion_file(written(tmp_path)).read_text("utf-8").splitlines()
    assert sum('"taken_for": "cow"' in line for line in lines) == 1
    assert any("Kühe" in line for line in lines)


@pytest.mark.parametrize(
    ("version", "digest"), [("mini@2", "ab12"), ("mini@3", "cd34"), ("project-1", "ab12")]
)
def test_a_table_of_another_model_is_not_shown(tmp_path: Path, version: str, digest: str) -> None:
    assert confusion_of(written(tmp_path), model_version=version, digest=digest) is None


def test_weights_without_a_table_have_none(tmp_path: Path) -> None:
    assert confusion_of(tmp_path / "own.safetensors", model_version="mini@3", digest="ab12") is None


@pytest.mark.parametrize("content", ["{", "[]", '{"model_version": "mini@3"}', '{"pairs": 3}'])
def test_a_damaged_table_is_named(tmp_path: Path, content: str) -> None:
    weights = written(tmp_path)
    confusion_file(weights).write_text(content)
    with pytest.raises(WeightsError, match=r"mini\.confusion\.json is not a table"):
        confusion_of(weights, model_version="mini@3", digest="ab12")


def test_the_table_in_the_package_is_of_the_weights_in_the_package() -> None:
    card = read_card(EMBEDDED_WEIGHTS)
    table = confusion_of(EMBEDDED_WEIGHTS, model_version="zegclip-mini@4", digest=card["sha256"])
    assert table is not None
    assert confusion_file(EMBEDDED_WEIGHTS).stat().st_size < 10_000
    known = set(table.words)
    assert all({pair.word, pair.taken_for} <= known for pair in table.pairs)
    assert all(pair.word != pair.taken_for and 0 < pair.percent <= 100 for pair in table.pairs)
