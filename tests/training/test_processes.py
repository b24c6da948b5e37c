"""One training in two processes is the training of one process: real processes, started by `torchrun`."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import CHECKOUT
from tests.processes import clean_environment
from tests.training import run_in_processes
from tests.training.run_in_processes import STEPS
from tests.training.tiny import write_dataset
from training.errors import ConfigurationError
from training.processes import Processes
from training.run_files import STATE_FILE, read_losses
from training.self_training import ConfidentLabels
from training.setting_groups import SelfTrainingSettings

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data")).root


def start_two(data: Path, out: Path, mode: str, *, stop_after: int = STEPS) -> None:
    command = ["-m", "tests.training.run_in_processes", str(data), str(out), mode, str(stop_after)]
    ended = subprocess.run(
        TORCHRUN + command, cwd=CHECKOUT, env=clean_environment(), capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr


def assert_same_run(first: Path, second: Path) -> None:
    """Sums in another order are all that may differ."""
    one, other = (load_file(out / "model" / "weights.safetensors") for out in (first, second))
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], atol=1e-5, rtol=1e-4)
    assert read_losses(first) == pytest.approx(read_losses(second), rel=1e-4)
    assert len(read_losses(first)) == STEPS


@pytest.mark.slow
def test_two_processes_reach_the_weights_of_one(data: Path, tmp_path: Path) -> None:
    run_in_processes.run(data, tmp_path / "alone", "transductive")
    start_two(data, tmp_path / "together", "transductive")
    assert_same_run(tmp_path / "alone", tmp_path / "together")


@pytest.mark.slow
def test_a_run_that_one_of_two_processes_stops_can_go_on_alone(data: Path, tmp_path: Path) -> None:
    run_in_processes.run(data, tmp_path / "alone", "fully")
    start_two(data, tmp_path / "together", "fully", stop_after=3)
    assert (tmp_path / "together" / STATE_FILE).exists()
    assert len(read_losses(tmp_path / "together")) == 3
    run_in_processes.run(data, tmp_path / "together", "fully")
    assert_same_run(tmp_path / "alone", tmp_path / "together")


@pytest.mark.parametrize(("parts", "count"), [(4, 1), (4, 2), (5, 2), (16, 5)])
def test_every_micro_batch_has_one_process(parts: int, count: int) -> None:
    shares = [Processes(rank=rank, count=count).share(parts) for rank in range(count)]
    assert [part for share in shares for part in share] == list(range(parts))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_more_processes_than_micro_batches_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="3 processes cannot share 2 micro-batches"):
        Processes(rank=0, count=3).share(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(Processes):
    """This process beside one whose tensors the test gives."""

    others: Sequence[torch.Tensor]

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        for tensor, other in zip(tensors, self.others, strict=True):
            tensor += other


def test_thresholds_of_pseudo_labels_meet_in_the_middle() -> None:
    labels = ConfidentLabels([0, 1, 2], settings=SelfTrainingSettings())
    labels.common = torch.tensor([0.2])
    labels.own = torch.tensor([0.2, torch.nan, torch.nan])
    others = [torch.tensor([0.6, 0.4, 0.8, 0.0]), torch.tensor([1.0, 1.0, 1.0, 0.0])]
    labels.meet(Pair(count=2, others=others))
    torch.testing.assert_close(labels.common, torch.tensor([0.4]))
    torch.testing.assert_close(labels.own, torch.tensor([0.3, 0.8, torch.nan]), equal_nan=True)
