"""A tiny training run whose processes `torchrun` starts: DATA OUT MODE STEPS_BEFORE_A_STOP."""

import sys
from contextlib import suppress
from pathlib import Path

import torch

from backend.torchrun_settings import load_torchrun_settings
from tests.training.tiny import tiny_backbone, tiny_configuration
from training.configuration import TrainingConfiguration
from training.errors import RunStoppedError
from training.processes import ALONE, Processes, joined
from training.run import train

STEPS = 8


def configuration(mode: str) -> TrainingConfiguration:
    """Eight steps of five micro-batches, with dropout: what two processes cannot share evenly."""
    return tiny_configuration(
        mode,
        model={"dropout": 0.1},
        optimisation={"iterations": STEPS, "batch_size": 5, "micro_batch": 1, "save_every": 100},
        self_training={"inductive_iterations": 4, "iterations": 4, "scheme": "released"},
    )


def run(data: Path, out: Path, mode: str, *, stop_after: int = STEPS, processes: Processes = ALONE) -> None:
    """Train to the end, or until the last process asks for a stop."""
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return asked >= stop_after and processes.rank == processes.count - 1

    with suppress(RunStoppedError):
        train(
            configuration(mode),
            dataset=data,
            out=out,
            backbone=tiny_backbone(),
            processes=processes,
            should_stop=should_stop,
        )


def main() -> None:
    torch.set_num_threads(1)
    data, out, mode, stop_after = sys.argv[1:]
    ours = load_torchrun_settings()
    with joined(rank=ours.rank, count=ours.world_size, device=torch.device("cpu")) as processes:
        run(Path(data), Path(out), mode, stop_after=int(stop_after), processes=processes)


if __name__ == "__main__":
    main()
