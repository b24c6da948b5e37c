"""A tiny training run in a process of its own, for tests that kill it: DATA OUT PAUSE."""

import sys
import time
from pathlib import Path

import torch

from tests.training.tiny import tiny_backbone, tiny_configuration
from training.run import train

STEPS = 40


def run(data: Path, out: Path, pause: float = 0.0) -> None:
    """Train to the end, with a pause after every step."""
    configuration = tiny_configuration(
        "transductive",
        optimisation={"iterations": STEPS, "save_every": 3, "warmup": 2},
        self_training={"inductive_iterations": 10, "iterations": 30, "scheme": "teacher", "kept_share": 0.9},
    )
    train(
        configuration,
        dataset=data,
        out=out,
        backbone=tiny_backbone(),
        progress=lambda _: time.sleep(pause),
    )


def main() -> None:
    torch.set_num_threads(1)
    data, out, pause = sys.argv[1:]
    run(Path(data), Path(out), float(pause))


if __name__ == "__main__":
    main()
