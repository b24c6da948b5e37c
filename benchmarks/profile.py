"""Where the milliseconds of one task go: a table of its stages, and a flame graph of the calls inside.

    python -m benchmarks.profile PHOTO                     1,024 pixels, 20 labels, the embedded model
    python -m benchmarks.profile PHOTO --flame flame.svg   and the graph: width is time, names on hovering

One task is what a worker does after the download: decode the photograph, run the tower, score the words, let
labels compete and follow the edges, write the regions as brush RLE.
"""

import argparse
import cProfile
import html
import io
import os
import pstats
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from backend.regions.brush_rle import encode_mask
from zegclip_core.labels import Label
from zegclip_core.segmenter import Segmenter, build_segmenter
from zegclip_core.words import common_words

_ROW, _WIDTH, _THINNEST = 18, 1200, 0.4
Stages = dict[str, float]
Stats = dict[
    tuple[str, int, str], tuple[int, int, float, float, dict[tuple[str, int, str], tuple[float, ...]]]
]


def main() -> None:
    """Time the stages over several rounds, then profile one more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--model", default="zegclip-mini")
    parser.add_argument("--side", type=int, default=1024, help="longer side in pixels")
    parser.add_argument("--labels", type=int, default=20)
    parser.add_argument(
        "--words", default="building,tree,water", help="what the photograph shows, among others"
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--flame", type=Path, help="file for the flame graph, SVG")
    options = parser.parse_args()
    torch.set_num_threads(2)
    content = resized(options.photo, options.side)
    words = dict.fromkeys([*options.words.split(","), *common_words()])
    labels = [Label(word, (word,)) for word in list(words)[: options.labels]]
    segmenter = build_segmenter(options.model, device="cpu")
    one_task(segmenter, content, labels)
    rounds = [one_task(segmenter, content, labels) for _ in range(options.rounds)]
    medians = {stage: statistics.median(one[stage] for one in rounds) for stage in rounds[0]}
    total = sum(medians.values())
    print(f"{segmenter.model_version}, {options.side} pixels, {options.labels} labels")
    print(f"load average {os.getloadavg()[0]:.1f}")
    print("| stage | median ms | share |\n| --- | --- | --- |")
    for stage, seconds in medians.items():
        print(f"| {stage} | {1000 * seconds:.1f} | {100 * seconds / total:.0f} % |")
    if options.flame:
        profiler = cProfile.Profile()
        profiler.runcall(one_task, segmenter, content, labels)
        options.flame.write_text(flame_graph(pstats.Stats(profiler)), encoding="utf-8")
        print(f"flame graph in {options.flame}")


def resized(photo: Path, side: int) -> bytes:
    """Return a photograph as a JPEG whose longer side has so many pixels."""
    with Image.open(photo) as image:
        rgb = image.convert("RGB")
    scale = side / max(rgb.size)
    buffer = io.BytesIO()
    rgb.resize((round(rgb.width * scale), round(rgb.height * scale))).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def one_task(segmenter: Segmenter, content: bytes, labels: list[Label]) -> Stages:
    """Do one task and return the seconds of its stages."""
    started = time.perf_counter()
    with Image.open(io.BytesIO(content)) as image:
        pixels = np.asarray(image.convert("RGB"))
    decoded = time.perf_counter()
    segmentation = segmenter.segment(pixels, labels)
    segmented = time.perf_counter()
    for number in segmentation.region_scores:
        encode_mask(segmentation.mask(number).astype(np.uint8) * 255)
    ended = time.perf_counter()
    inside = segmentation.timings
    rest = segmented - decoded - sum(inside.values())
    return {"decode": decoded - started, **inside, "between": rest, "regions": ended - segmented}


def flame_graph(profile: pstats.Stats) -> str:
    """Draw a profile as SVG, callers above callees; what two places call is split by their shares of time."""
    stats: Stats = profile.stats  # type: ignore[attr-defined]
    root = next(key for key in stats if key[2] == "one_task")
    callees: dict[tuple[str, int, str], list[tuple[tuple[str, int, str], float]]] = {}
    for key, (_, _, _, _, callers) in stats.items():
        for caller, figures in callers.items():
            callees.setdefault(caller, []).append((key, figures[3]))
    total = stats[root][3]
    boxes: list[str] = []
    deepest = 0

    def draw(key: tuple[str, int, str], left: float, seconds: float, depth: int) -> None:
        nonlocal deepest
        width = _WIDTH * seconds / total
        if width < _THINNEST or depth > 40:
            return
        deepest = max(deepest, depth)
        name = html.escape(f"{Path(key[0]).name}:{key[1]} {key[2]}")
        hue = 20 + hash(key) % 35
        boxes.append(
            f'<g><title>{name}: {1000 * seconds:.1f} ms</title><rect x="{left:.1f}" y="{depth * _ROW}" '
            f'width="{width:.1f}" height="{_ROW - 1}" fill="hsl({hue},80%,65%)"/>'
            f'<text x="{left + 2:.1f}" y="{depth * _ROW + 13}">{name[: int(width / 6.5)]}</text></g>'
        )
        share = min(1.0, seconds / stats[key][3]) if stats[key][3] else 0.0
        for callee, inside in sorted(callees.get(key, ()), key=lambda one: -one[1]):
            if callee != key:
                draw(callee, left, inside * share, depth + 1)
                left += _WIDTH * inside * share / total

    draw(root, 0.0, total, 0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{(deepest + 1) * _ROW}" '
        f'font-family="monospace" font-size="11">{"".join(boxes)}</svg>'
    )


if __name__ == "__main__":
    main()
