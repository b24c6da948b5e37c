"""`python -m training.pretrain decoder …`: from a finished run of `zegclip train` to the packaged ZegCLIP."""

import argparse
from dataclasses import replace
from pathlib import Path

from training.errors import StartModelError
from training.run_files import MODEL_FOLDER
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import DECODER_MODEL, DEFAULT_MODEL, PACKAGED_WEIGHTS, parse_notation
from zegclip_core.checkpoints.compact import read_checkpoint, save_checkpoint
from zegclip_core.checkpoints.loading import build_model


def add_decoder_stage(stages: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the stage's options."""
    parser = stages.add_parser("decoder", help="pack a ZegCLIP that was trained on the embedded model")
    parser.add_argument("--run", type=Path, required=True, help="folder of a finished `zegclip train`")
    parser.add_argument(
        "--out",
        type=Path,
        default=PACKAGED_WEIGHTS / DECODER_MODEL,
        help="folder of the checkpoint (default: the one in the package)",
    )


def run_decoder_stage(options: argparse.Namespace) -> str:
    """Write the run's model in half precision under the packaged name; return the line that tells where.

    Raises `StartModelError` for a model on another CLIP, `BackboneMismatchError` for one on other weights of
    it, `CheckpointError` and its other kinds.
    """
    checkpoint = read_checkpoint(options.run / MODEL_FOLDER)
    if checkpoint.facts.backbone.notation != DEFAULT_MODEL:
        raise StartModelError(
            f"{options.run} was trained on {checkpoint.facts.backbone.notation}: only a ZegCLIP on "
            f"{DEFAULT_MODEL} can come with the package"
        )
    model = build_model(checkpoint, load_backbone(parse_notation(DEFAULT_MODEL)))
    facts = replace(checkpoint.facts, name=DECODER_MODEL)
    save_checkpoint(options.out, model, facts, half_precision=True)
    return f"written: {options.out}"
