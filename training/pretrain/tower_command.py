"""`python -m training.pretrain tower …`: from weights and masks with words to a packed image tower."""

import argparse
from pathlib import Path
from typing import Any

from training.pretrain.guess_options import add_guess_options, chosen_teacher
from training.pretrain.settings import TowerSettings
from training.pretrain.source_options import add_source_options, chosen_sources, told
from training.pretrain.stage_command import add_run_options, chosen, run_and_pack
from training.pretrain.tower import TowerTraining
from zegclip_core.backbones.mini import load_mini

_CHOICES = (
    *("steps", "batch_size", "stem_rate", "tower_rate", "warmup", "unnamed_weight", "guess_weight"),
    *("frozen_blocks", "paste_share", "seed", "save_every"),
)


def add_tower_stage(stages: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the stage's options."""
    tower = stages.add_parser("tower", help="image tower, end to end, on masks with words")
    add_source_options(tower)
    add_guess_options(tower, required=False, use=": its guesses teach cells without a word")
    tower.add_argument("--vocabulary", type=Path, help="file of words for negatives, one a line")
    add_run_options(tower, TowerSettings(), _CHOICES)


def run_tower_stage(options: argparse.Namespace) -> str:
    """Train the image tower, write its weights and card, return the line that tells where."""
    settings = chosen(options, TowerSettings(), _CHOICES)
    sources, withheld = chosen_sources(options)
    words = read_vocabulary(options.vocabulary) if options.vocabulary else []
    backbone = load_mini(Path(options.start), name="zegclip-mini", revision="start")
    teacher = chosen_teacher(options, backbone, withheld)
    training = TowerTraining(
        backbone=backbone,
        sources=sources,
        vocabulary=withheld.admitted(words),
        settings=settings,
        teacher=teacher,
    )
    recipe: dict[str, Any] = {
        "name": "tower",
        "what": "image tower end to end on masks with words",
        **told(sources, withheld),
    }
    if teacher is not None:
        recipe |= {"teacher": options.classifier.name, "classes not guessed": teacher.never_guessed}
    return run_and_pack(training, options, settings, watched="words", recipe=recipe)


def read_vocabulary(path: Path) -> list[str]:
    """Read words, one a line; raises `OSError` when the file cannot be read."""
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
