"""The command that measures which known words the packed model mixes up."""

from pathlib import Path

import pytest

from tests.training.tiny import write_dataset
from training.errors import ConfigurationError
from training.pretrain.__main__ import main
from training.pretrain.confusion_command import _most_confused, _source
from training.word_confusion import PaintedLabel, WordConfusion
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS, read_card
from zegclip_core.measured_confusion import confusion_file, confusion_of


def test_the_table_names_model_words_and_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_dataset(tmp_path / "tiny")
    weights = tmp_path / "copy.safetensors"
    out = confusion_file(weights)
    given = ["confusion", "--data", f"{data.root}:train:six pictures", "--least", "1", "--out", str(out)]
    assert main(given) == 0
    assert f"written: {out}" in capsys.readouterr().out
    table = confusion_of(
        weights, model_version="zegclip-mini@4", digest=read_card(EMBEDDED_WEIGHTS)["sha256"]
    )
    assert table is not None
    assert table.words == ("cat", "dog", "sofa")
    assert all(pair.data == "six pictures" and pair.images in (3, 6) for pair in table.pairs)


def test_small_shares_and_rare_words_are_left_out() -> None:
    labels = (
        PaintedLabel(name="cow", images=9, right=80, nothing=0, taken_for={"horse": 12.34, "dog": 4.9}),
        PaintedLabel(name="tie", images=2, right=0, nothing=0, taken_for={"person": 95}),
    )
    measured = WordConfusion(
        model_version="mini@3", dataset="tiny", split="val", images=9, labels=labels, unmeasured=()
    )
    [pair] = _most_confused(measured, "COCO val", least=5)
    assert (pair.word, pair.taken_for, pair.percent, pair.images) == ("cow", "horse", 12.3, 9)


def test_data_is_called_by_its_own_name_without_another(tmp_path: Path) -> None:
    root = write_dataset(tmp_path).root
    assert _source(f"{root}:train")[1:] == ("train", "tiny train")
    assert _source(f"{root}:train:COCO val")[1:] == ("train", "COCO val")
    with pytest.raises(ConfigurationError, match="FOLDER:SPLIT"):
        _source(str(root))
