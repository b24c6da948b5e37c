"""SIGKILL at any moment: the same command goes on, and nobody can tell from the weights."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import CHECKOUT
from tests.training.run_in_process import run
from tests.training.tiny import write_dataset
from training.run_files import STATE_FILE, read_losses

PATIENCE = 280.0
SCRIPT = "tests.training.run_in_process"


def start(data: Path, out: Path, pause: float) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", SCRIPT, str(data), str(out), str(pause)]
    return subprocess.Popen(command, cwd=CHECKOUT)


def kill_after(process: subprocess.Popen[bytes], out: Path, steps: int) -> None:
    """Kill a run once it has logged some steps and has saved a state."""
    deadline = time.monotonic() + PATIENCE
    try:
        while len(read_losses(out)) < steps or not (out / STATE_FILE).is_file():
            assert time.monotonic() < deadline, "the run makes no steps"
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture
def one_thread() -> Iterator[None]:
    """The run in this process sums as those in processes of their own do."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("one_thread")
def test_a_run_killed_twice_ends_with_bit_identical_weights(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data").root
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    run(data, whole)
    for steps in (5, 20):
        kill_after(start(data, killed, pause=0.05), killed, steps)
    assert not (killed / "model").exists()
    assert start(data, killed, pause=0.0).wait(PATIENCE) == 0
    expected = load_file(whole / "model" / "weights.safetensors")
    found = load_file(killed / "model" / "weights.safetensors")
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert read_losses(killed) == read_losses(whole)
