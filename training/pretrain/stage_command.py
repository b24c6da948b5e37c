"""What the commands of all stages do around a run: choices, a bar, the weights and their card."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from training.pretrain.pack import pack
from training.pretrain.settings import TowerSettings
from training.pretrain.stage import Stage, StepReport
from training.pretrain.text_settings import TextSettings
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS

_Settings = TypeVar("_Settings", TowerSettings, TextSettings)


def add_run_options(parser: argparse.ArgumentParser, settings: _Settings, choices: Sequence[str]) -> None:
    """Describe where a stage starts and writes, and the settings that may be chosen."""
    parser.add_argument(
        "--start", default=EMBEDDED_WEIGHTS, help="weights to continue from (the shipped ones)"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run; an unfinished one goes on"
    )
    parser.add_argument("--stop-after", type=int, metavar="STEP", help="end although the schedule goes on")
    for name in choices:
        default = getattr(settings, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), help=f"{default} by default")


def chosen(options: argparse.Namespace, settings: _Settings, choices: Sequence[str]) -> _Settings:
    """Return the settings with what the command line says."""
    given = {name: getattr(options, name) for name in choices if getattr(options, name) is not None}
    return replace(settings, **given)


def run_and_pack(
    training: Stage,
    options: argparse.Namespace,
    settings: _Settings,
    *,
    watched: str,
    recipe: dict[str, Any],
) -> str:
    """Train under a bar, write the weights and their card, and return the line that tells where.

    Args:
        training: the stage.
        options: the command line: `start`, `out`, `stop_after`.
        settings: for the bar and the card.
        watched: what the bar calls the watched part of the loss.
        recipe: what else the card says of the stage: its `name` first, `what` it does, its data.

    """
    began = time.monotonic()
    smooth = 0.0
    with tqdm(total=settings.steps, unit="step") as bar:

        def show(report: StepReport) -> None:
            nonlocal smooth
            smooth = report.watched if not smooth else 0.98 * smooth + 0.02 * report.watched
            bar.update(report.step - bar.n)
            bar.set_postfix({watched: f"{smooth:.3f}"}, refresh=False)

        training.run(options.out, stop_after=options.stop_after, on_step=show)
    card = pack(
        Path(options.start),
        training.kept,
        options.out / "zegclip-mini.safetensors",
        training={
            **recipe,
            "args": asdict(settings),
            "steps": training.step,
            "secs": round(time.monotonic() - began),
        },
    )
    return f"written: {card.with_suffix('.safetensors')} and {card.name}"
