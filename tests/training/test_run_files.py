import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from training.errors import TrainingStateError
from training.progress import Progress
from training.run_files import LOG_FILE, STATE_FILE, RunLog, load_state, read_losses, save_state


def step(iteration: int, loss: float = 1.0) -> Progress:
    return Progress(
        phase="inductive",
        iteration=iteration,
        iterations=10,
        loss=loss,
        learning_rate=1e-3,
        seconds_left=0.0,
    )


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    save_state(tmp_path, {"iteration": 3, "model": {"weight": torch.arange(4.0)}})
    state = load_state(tmp_path)
    assert state is not None
    assert state["iteration"] == 3
    assert torch.equal(state["model"]["weight"], torch.arange(4.0))


def test_a_new_folder_has_no_state(tmp_path: Path) -> None:
    assert load_state(tmp_path) is None


@pytest.mark.parametrize("place", [0, 70, -1])
def test_one_flipped_bit_anywhere_is_found(tmp_path: Path, place: int) -> None:
    save_state(tmp_path, {"iteration": 3})
    content = bytearray((tmp_path / STATE_FILE).read_bytes())
    content[place] ^= 1
    (tmp_path / STATE_FILE).write_bytes(content)
    with pytest.raises(TrainingStateError, match="damaged"):
        load_state(tmp_path)


def test_the_log_has_one_json_object_a_step(tmp_path: Path) -> None:
    log = RunLog(tmp_path, iteration=0)
    log.add(step(1, 2.5))
    log.add(step(2, 1.5))
    lines = [json.loads(line) for line in (tmp_path / LOG_FILE).read_text().splitlines()]
    assert lines[1] == {"phase": "inductive", "iteration": 2, "loss": 1.5, "learning_rate": 1e-3}
    assert read_losses(tmp_path) == [2.5, 1.5]


def test_steps_after_the_saved_state_are_logged_once(tmp_path: Path) -> None:
    log = RunLog(tmp_path, iteration=0)
    for number in (1, 2, 3):
        log.add(step(number, number))
    resumed = RunLog(tmp_path, iteration=2)
    resumed.add(step(3, 30.0))
    assert read_losses(tmp_path) == [1.0, 2.0, 30.0]


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path) -> None:
    RunLog(tmp_path, iteration=0).add(step(1, 2.0))
    with (tmp_path / LOG_FILE).open("a") as file:
        file.write('{"iteration": 2, "lo')
    assert read_losses(tmp_path) == [2.0]
    RunLog(tmp_path, iteration=1).add(step(2, 1.0))
    assert read_losses(tmp_path) == [2.0, 1.0]


FILL_DISK = """
import pathlib, resource, signal, sys, torch
from training.errors import DiskFullError
from training.run_files import load_state, save_state
folder = pathlib.Path(sys.argv[1])
save_state(folder, {"iteration": 1})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    save_state(folder, {"iteration": 2, "model": torch.zeros(100_000)})
except DiskFullError as error:
    print(error)
    print(load_state(folder)["iteration"], [one.name for one in folder.iterdir()])
"""


def test_a_full_disk_leaves_the_earlier_state_whole(tmp_path: Path) -> None:
    """The system refuses to let a file grow, as it does when there is no room."""
    ended = subprocess.run(
        [sys.executable, "-c", FILL_DISK, str(tmp_path)], capture_output=True, text=True, check=True
    )
    message, state = ended.stdout.splitlines()
    assert "make room and start the same command again" in message
    assert state == f"1 ['{STATE_FILE}']"
