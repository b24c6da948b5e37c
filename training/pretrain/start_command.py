"""`python -m training.pretrain start …`: from a classifier for ImageNet to a packed image tower."""

import argparse
import time
from dataclasses import asdict
from pathlib import Path

from training.pretrain.guess_options import add_guess_options, chosen_guesses
from training.pretrain.pack import pack
from training.pretrain.source_options import add_source_options, chosen_sources, told
from training.pretrain.start import set_start
from training.pretrain.start_settings import StartSettings
from training.pretrain.start_sums import gather
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS, load_mini

_CHOICES = ("draws", "temperature", "kind_weight", "mask_weight", "penalty", "seed")


def add_start_stage(stages: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the stage's options."""
    start = stages.add_parser(
        "start", help="a new image tower from a classifier for ImageNet, in closed form"
    )
    start.add_argument(
        "--text", type=Path, default=EMBEDDED_WEIGHTS, help="weights whose text tower and card are taken over"
    )
    add_guess_options(start, required=True, use="")
    add_source_options(start)
    start.add_argument("--out", type=Path, required=True, help="folder for zegclip-mini.safetensors")
    for name in _CHOICES:
        default = getattr(StartSettings(), name)
        start.add_argument(
            f"--{name.replace('_', '-')}", type=type(default), default=default, help=f"{default} by default"
        )


def run_start_stage(options: argparse.Namespace) -> str:
    """Make the image tower, write its weights and card, return the lines that tell about them."""
    began = time.monotonic()
    settings = StartSettings(**{name: getattr(options, name) for name in _CHOICES})
    sources, withheld = chosen_sources(options)
    backbone = load_mini(options.text, name="zegclip-mini", revision="text")
    classifier, guessed = chosen_guesses(options, backbone, withheld, settings)
    moments = gather(sources, backbone=backbone, classifier=classifier, guessed=guessed, settings=settings)
    visual = backbone.clip.visual
    mapped = moments.solve(visual.proj.shape[0], penalty=settings.penalty)
    set_start(visual, classifier, mapped, seed=settings.seed)
    recipe = {
        "name": "start",
        "what": "image tower in closed form: an ImageNet classifier's features, ridge regression to words",
        **told(sources, withheld),
        "classes not guessed": int(guessed.withheld.sum()),
        "args": asdict(settings),
        "secs": round(time.monotonic() - began),
    }
    made = {f"visual.{name}": tensor for name, tensor in visual.state_dict().items()}
    card = pack(options.text, made, options.out / "zegclip-mini.safetensors", training=recipe, new_tower=True)
    lines = [f"written: {card.with_suffix('.safetensors')} and {card.name}"]
    if options.withhold_guesses:
        lines.append(f"{int(guessed.withheld.sum())} of ImageNet's classes were not guessed")
    return "\n".join(lines)
