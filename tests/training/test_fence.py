"""One training per project, proved against real processes."""

import subprocess
import sys
from pathlib import Path

import pytest

from training.fence import LOCK_FILE, TrainingFence
from training.registry.errors import FenceHeldError, LostFenceError

HOLD = """
import sys
from pathlib import Path
from training.fence import TrainingFence
with TrainingFence(folder=Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_training_is_refused_until_the_first_process_dies(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(FenceHeldError), TrainingFence(folder=tmp_path):
            pass
        holder.kill()
        holder.wait()
        with TrainingFence(folder=tmp_path) as fence:
            fence.require_newest()


def test_tokens_rise(tmp_path: Path) -> None:
    tokens = []
    for _ in range(3):
        with TrainingFence(folder=tmp_path) as fence:
            tokens.append(fence.token)
    assert tokens == [1, 2, 3]


def test_a_training_whose_lock_was_lost_does_not_publish(tmp_path: Path) -> None:
    with TrainingFence(folder=tmp_path) as first:
        (tmp_path / LOCK_FILE).unlink()
        with TrainingFence(folder=tmp_path) as second:
            second.require_newest()
            with pytest.raises(LostFenceError, match=r"training 1 .* overtaken by training 2"):
                first.require_newest()
