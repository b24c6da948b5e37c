"""A tiny training run in a process of its own, for tests that kill it: python run_in_process.py DATA OUT."""

import sys
import time
from pathlib import Path

import torch

from tests.training.tiny import tiny_backbone, tiny_configuration
from training.run import train

STEPS = 40


def main() -> None:
    torch.set_num_threads(1)
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    pause = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
    configuration = tiny_configuration(
        "transductive",
        optimisation={"iterations": STEPS, "save_every": 3, "warmup": 2},
        self_training={"inductive_iterations": 10, "iterations": 30, "scheme": "teacher", "confidence": 0.1},
    )
    train(
        configuration,
        dataset=data,
        out=out,
        backbone=tiny_backbone(),
        progress=lambda _: time.sleep(pause),
    )


if __name__ == "__main__":
    main()
