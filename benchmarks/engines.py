"""Engines of the image tower against PyTorch eager: one image of 512x512, runs that take turns.

    python -m benchmarks.engines                          zegclip-mini and ViT-B/16
    python -m benchmarks.engines --models zegclip-mini

ViT-B/16 has random weights, so its errors say less than those of the embedded model: there, `zegclip engine
check` measures masks. The whole tower is timed: patches, positions, blocks, normalisation, projection.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import parse_notation
from zegclip_core.backbones.open_clip_models import build_open_clip
from zegclip_core.engines.openvino_conversion import convert
from zegclip_core.engines.openvino_engine import OpenVINOEngine
from zegclip_core.engines.precision import PRECISIONS
from zegclip_core.processor import prepare_processor
from zegclip_core.visual_tower import VisualTower

SIZE = 512


def main() -> None:
    """Convert, time and compare every model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--models", default="zegclip-mini,ViT-B-16")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    prepare_processor(threads=options.threads)
    for model in options.models.split(","):
        with tempfile.TemporaryDirectory() as folder:
            measure(model, tower_of(model), Path(folder), rounds=options.rounds)
    print(f"load average {os.getloadavg()[0]:.1f}, {options.threads} threads, torch {torch.__version__}")


def tower_of(model: str) -> VisualTower:
    """Return the embedded model's tower, or that of an open_clip architecture with random weights."""
    if model == "zegclip-mini":
        return load_backbone(parse_notation(model)).tower
    torch.manual_seed(0)
    clip: Any = build_open_clip(model)
    return VisualTower(clip.visual.eval().requires_grad_(False), stride=int(clip.visual.patch_size[0]))


def measure(model: str, tower: VisualTower, folder: Path, *, rounds: int) -> None:
    """Print one table: medians, ratios to eager, and how far the features turn away from eager's."""
    generator = torch.Generator().manual_seed(1)
    images = [torch.rand(1, 3, SIZE, SIZE, generator=generator) * 2 - 1 for _ in range(3)]
    engines: dict[str, OpenVINOEngine | None] = {"torch eager": None}
    for precision in PRECISIONS:
        convert(tower, folder / precision, precision, calibration=images[1:])
        engines[f"openvino {precision}"] = OpenVINOEngine(
            folder / precision, parts=1 + len(tower.blocks), name=precision
        )
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    features: dict[str, Tensor] = {}
    for turn in range(rounds + 1):
        for name, engine in engines.items():
            tower.engine = engine
            taken, features[name] = timed(lambda: encode(tower, images[0]))
            if turn:
                seconds[name].append(taken)
    eager = statistics.median(seconds["torch eager"])
    print(f"\n{model} at {SIZE}x{SIZE}")
    print("| engine | median ms | ratio | lowest cosine |\n| --- | --- | --- | --- |")
    for name, values in seconds.items():
        median = statistics.median(values)
        cosine = torch.cosine_similarity(features[name], features["torch eager"], dim=-1).min()
        print(f"| {name} | {1000 * median:.0f} | {eager / median:.2f} | {float(cosine):.4f} |", flush=True)


@torch.inference_mode()
def encode(tower: VisualTower, image: Tensor) -> Tensor:
    """Run the whole tower: the features of all patches of an image (1, 3, H, W)."""
    tokens, _ = tower.embed(image)
    return tower.project(tower.run(tokens))[:, 1:]


def timed(work: Callable[[], Tensor]) -> tuple[float, Tensor]:
    """Return the seconds that work took, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


if __name__ == "__main__":
    main()
