"""What a seen image costs: `python -m benchmarks.seen_images`.

Predicts photographs in this process, as an inference worker does: first never seen, then again, with two more
words, and with a changed threshold. Regions and their codec are part of it; the words' features are kept.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from backend.images.source import ImageSource
from backend.label_studio.origin import LabelStudioOrigin
from backend.predictions import predict_tasks
from benchmarks.interactive import photos
from benchmarks.measuring import load, table
from zegclip_core.feature_cache import FeatureCache
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import build_segmenter

_NOBODY = "http://127.0.0.1:9"
_FIRST = ("cat", "person", "cup", "motorcycle")
_OTHER = (*_FIRST, "flower", "table")


def config(words: tuple[str, ...], attributes: str = "") -> str:
    """Return a labelling configuration with a brush for these words."""
    labels = "".join(f'<Label value="{word}"/>' for word in words)
    return (
        '<View><Image name="image" value="$image"/>'
        f'<BrushLabels name="brush" toName="image" {attributes}>{labels}</BrushLabels></View>'
    )


def main() -> None:
    """Print medians in milliseconds and their share of a first prediction."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=10)
    parser.add_argument("--side", type=int, default=1024, help="longer side, pixels")
    parser.add_argument("--model", default="zegclip-mini")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    prepare_processor(threads=chosen.threads)
    asked = {
        "never seen": config(_FIRST),
        "the same again": config(_FIRST),
        "two words more": config(_OTHER),
        "another threshold": config(_FIRST, 'model_score_threshold="0.5"'),
    }
    times: dict[str, list[float]] = {name: [] for name in asked}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        segmenter = build_segmenter(chosen.model, cache_dir=folder / "models")
        images = ImageSource(
            label_studio=LabelStudioOrigin(url=_NOBODY, api_key=None),
            cache_dir=folder / "images",
            cache_bytes=0,
            max_bytes=100_000_000,
            max_pixels=50_000_000,
            local_files_root=folder,
        )
        features = FeatureCache(memory_bytes=10**9)
        for number, content in enumerate(photos(chosen.photos + 1, chosen.side)):
            (folder / f"{number}.jpg").write_bytes(content)
            for kind, xml in asked.items():
                task = {"id": number, "data": {"image": f"/data/local-files/?d={number}.jpg"}}
                started = time.perf_counter()
                predict_tasks(
                    [task],
                    xml,
                    segmenter=segmenter,
                    images=images,
                    model_version=segmenter.model_version,
                    features=features,
                )
                times[kind].append(time.perf_counter() - started)
    # The first photograph warms everything up, new words included.
    medians = {kind: statistics.median(found[1:]) for kind, found in times.items()}
    rows = [
        [kind, f"{1000 * seconds:.0f}", f"{100 * seconds / medians['never seen']:.0f} %"]
        for kind, seconds in medians.items()
    ]
    print(table(("prediction", "median ms", "of the first"), rows))
    print(f"{segmenter.model_version}, {chosen.side} pixels, {chosen.threads} thread(s), {load()}")


if __name__ == "__main__":
    main()
