"""Where the time of one task goes: decoding the image, the tower, the head, edges and cleaning, the regions.

Run it in the checkout: `python -m benchmarks.task_split`. Photographs at 512 x 512, three labels, brush
regions; every step of `predict` in this process, after a warm-up.
"""

import argparse
import io
import time
from collections.abc import Callable
from typing import TypeVar

from PIL import Image

from backend.demo.photos import sample_photos
from backend.images.loader import decode_image
from backend.label_studio.label_config import read_label_config
from backend.painting import label_config
from backend.regions.registry import CONTROL_TAGS, build_regions
from benchmarks.measuring import SPREAD_HEAD, load, spread, table
from zegclip_core.labels import parse_words
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import build_segmenter

T = TypeVar("T")
SIDE = 512
WORDS = "cat, person, cup"
STEPS = ("load", "encode", "head", "refine", "regions (RLE)")


def main() -> None:
    """Measure every step and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default="zegclip-mini")
    options = parser.parse_args()
    prepare_processor(threads=options.threads)
    segmenter = build_segmenter(options.model, device="cpu")
    (target,) = read_label_config(label_config(parse_words(WORDS)), control_tags=CONTROL_TAGS).targets
    photos = [_square(photo.content) for photo in sample_photos()]
    times: dict[str, list[float]] = {step: [] for step in STEPS}
    for number in range(-len(photos), options.images):
        loading, image = timed(lambda n=number: decode_image(photos[n % len(photos)], max_pixels=SIDE**2))
        segmentation = segmenter.segment(image, target.labels)
        encoding, _ = timed(lambda s=segmentation: build_regions(target, s))
        if number >= 0:
            times["load"].append(loading)
            for step in ("encode", "head", "refine"):
                times[step].append(segmentation.timings[step])
            times["regions (RLE)"].append(encoding)
    whole = [sum(parts) for parts in zip(*times.values(), strict=True)]
    rows = [[step, *spread(times[step]), f"{sum(times[step]) / sum(whole):.0%}"] for step in STEPS]
    print(f"{load()}, {options.threads} threads, {options.model}")
    print(table(("step, ms", *SPREAD_HEAD, "share"), [*rows, ["whole task", *spread(whole), "100%"]]))


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Return what a call took, in seconds, and its result."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def _square(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as picture:
        file = io.BytesIO()
        picture.convert("RGB").resize((SIDE, SIDE)).save(file, "JPEG", quality=92)
    return file.getvalue()


if __name__ == "__main__":
    main()
