"""`zegclip data`, `train` and `eval`: what a script sees when something is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from backend.cli import main
from tests.processes import clean_environment
from tests.training.tiny import CAT, halves, write_dataset


def failure(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run a command that must fail with code 1 and return its one line of explanation."""
    assert main(list(arguments)) == 1
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return captured.err.strip()


@pytest.mark.parametrize("command", ["data", "train", "eval"])
def test_help_teaches_by_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"examples:\n  zegclip {command} " in capsys.readouterr().out


def test_a_folder_without_description_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ("eval", "zegclip-mini", str(tmp_path), "--split", "val"),
        ("train", str(tmp_path), "--out", str(tmp_path / "run")),
    ):
        message = failure(capsys, *arguments, "--data-dir", str(tmp_path / "home"))
        assert message.startswith(f"zegclip {arguments[0]}: ")
        assert "dataset.json" in message


def test_an_unknown_recipe_lists_the_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_dataset(tmp_path / "data").root
    message = failure(capsys, "train", str(data), "--out", str(tmp_path / "run"), "--recipe", "ade20k")
    assert "no recipe 'ade20k'" in message
    assert "coco-stuff" in message


def test_a_setting_out_of_range_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_dataset(tmp_path / "data").root
    out = str(tmp_path / "run")
    message = failure(capsys, "train", str(data), "--out", out, "--set", "model.dropout=2")
    assert "model.dropout = 2.0" in message


def test_a_model_that_does_not_exist_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_dataset(tmp_path / "data").root
    message = failure(capsys, "eval", str(tmp_path / "no-model"), str(data), "--split", "train")
    assert "no-model" in message


def test_masks_with_unknown_values_end_an_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_dataset(tmp_path / "data", masks=[halves(CAT, 99)]).root
    message = failure(
        capsys, "eval", "zegclip-mini", str(data), "--split", "train", "--data-dir", str(tmp_path / "home")
    )
    assert "[99]" in message


def test_downloads_in_the_wrong_place_are_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = failure(capsys, "data", "voc", str(tmp_path), str(tmp_path / "out"))
    assert "VOCtrainval_11-May-2012.tar" in message
    assert not (tmp_path / "out" / "dataset.json").exists()


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("data", "merge", "out", "no-split"), "write DATASET:SPLIT"),
        (("data", "merge", "out", "a:train", "--same", "tv"), "write two names"),
        (("data", "context", "in", "out", "--classes", "61"), "invalid choice"),
        (("eval", "zegclip-mini", "data"), "--split"),
    ],
)
def test_wrong_use_ends_with_code_two(
    arguments: tuple[str, ...], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 2
    assert hint in capsys.readouterr().err


def test_the_embedded_model_is_scored_with_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_dataset(tmp_path / "data", masks=[np.full((64, 64), CAT)]).root
    home = str(tmp_path / "home")
    assert main(["eval", "zegclip-mini", str(data), "--split", "train", "--data-dir", home, "--quiet"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("zegclip-mini@")
    assert [line.split()[0] for line in lines[1:]] == [
        "cat", "dog", "sofa", "background", "pAcc", "mIoU", "mIoU(S)", "mIoU(U)", "hIoU"
    ]  # fmt: skip


@pytest.mark.slow
def test_torchrun_starts_processes_that_train_one_model(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data").root
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    settings = ["iterations=2", "batch_size=2", "micro_batch=1", "warmup=1"]
    ended = subprocess.run(
        [*launcher, "-m", "backend", "train", str(data), "--mode", "fully", "--out", str(tmp_path / "run")]
        + [part for one in settings for part in ("--set", f"optimisation.{one}")]
        + ["--data-dir", str(tmp_path / "home"), "--device", "cpu", "--quiet"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    # One process tells, one writes.
    assert ended.stdout.count("2 steps, last loss") == 1
    assert [line["iteration"] for line in log_of(tmp_path / "run")] == [1, 2]
    assert (tmp_path / "run" / "model" / "weights.safetensors").exists()


def log_of(run: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_an_environment_that_torchrun_did_not_make_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "many")
    data = write_dataset(tmp_path / "data").root
    message = failure(capsys, "train", str(data), "--out", str(tmp_path / "run"))
    assert "WORLD_SIZE in the environment" in message
