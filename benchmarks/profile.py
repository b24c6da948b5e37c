"""Where the milliseconds of one task go: a table of its stages, and a flame graph of the calls inside.

    python -m benchmarks.profile PHOTO                     1,024 pixels, 20 labels, the embedded model
    python -m benchmarks.profile PHOTO --flame flame.svg   and the graph: width is time, names on hovering

One task is what a worker does after the download: decode the photograph, run the tower, score the words, let
labels compete and follow the edges, write the regions as brush RLE. The graph is sampled by a thread of this
process: with `--threads` on all cores at real-time priority, it sees too little of what runs in torch.
"""

import argparse
import html
import io
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np
from PIL import Image

from backend.regions.brush_rle import encode_mask
from zegclip_core.labels import Label
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import Segmenter, build_segmenter
from zegclip_core.words import common_words

_ROW, _WIDTH, _THINNEST = 18, 1200, 0.4
Stages = dict[str, float]


def main() -> None:
    """Time the stages over several rounds, then sample as many more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--model", default="zegclip-mini")
    parser.add_argument("--side", type=int, default=1024, help="longer side in pixels")
    parser.add_argument("--labels", type=int, default=20)
    parser.add_argument(
        "--words", default="building,tree,water", help="what the photograph shows, among others"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--flame", type=Path, help="file for the flame graph, SVG")
    options = parser.parse_args()
    prepare_processor(threads=options.threads)
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
        calls = sample_calls(lambda: [one_task(segmenter, content, labels) for _ in range(options.rounds)])
        options.flame.write_text(flame_graph(calls), encoding="utf-8")
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


@dataclass
class Frame:
    """A place in the call tree: how many samples found it on the stack, and what it called then."""

    samples: int = 0
    calls: "dict[str, Frame]" = field(default_factory=dict)


def sample_calls(work: Callable[[], object]) -> Frame:
    """Run work and look every millisecond at which Python functions it is in."""
    root = Frame()
    worker, ended = threading.get_ident(), threading.Event()

    def look() -> None:
        while not ended.wait(0.001):
            frame: FrameType | None = sys._current_frames()[worker]
            names: list[str] = []
            while frame is not None:
                names.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}")
                frame = frame.f_back
            node = root
            node.samples += 1
            start = names[::-1].index(f"{Path(__file__).name}:one_task") if _in_task(names) else len(names)
            for name in names[::-1][start:]:
                node = node.calls.setdefault(name, Frame())
                node.samples += 1

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        work()
    finally:
        ended.set()
        watcher.join()
    return root


def _in_task(names: list[str]) -> bool:
    return f"{Path(__file__).name}:one_task" in names


def flame_graph(root: Frame) -> str:
    """Draw a call tree as SVG: callers above what they call, width is the share of samples."""
    boxes: list[str] = []

    def draw(name: str, frame: Frame, left: float, depth: int) -> int:
        width = _WIDTH * frame.samples / max(1, root.samples)
        if width < _THINNEST:
            return depth
        label, shown = html.escape(name), html.escape(name[: int(width / 6.6)])
        share = 100 * frame.samples / max(1, root.samples)
        boxes.append(
            f'<g><title>{label}: {share:.1f} %</title><rect x="{left:.1f}" y="{depth * _ROW}" '
            f'width="{width:.1f}" height="{_ROW - 1}" fill="hsl({20 + len(name) % 30},80%,65%)"/>'
            f'<text x="{left + 2:.1f}" y="{depth * _ROW + 13}">{shown}</text></g>'
        )
        deepest = depth
        for callee, inside in sorted(frame.calls.items(), key=lambda one: -one[1].samples):
            deepest = max(deepest, draw(callee, inside, left, depth + 1))
            left += _WIDTH * inside.samples / max(1, root.samples)
        return deepest

    rows = 1 + draw("all", root, 0.0, 0)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{rows * _ROW}" '
        f'font-family="monospace" font-size="11">{"".join(boxes)}</svg>'
    )


if __name__ == "__main__":
    main()
