"""prelabel against the bare model: the share of the model's own throughput that a whole project gets.

Run it in the checkout after `make test` has set it up: `python -m benchmarks.prelabel`. A real Label Studio,
the queue, the web process and one inference worker with the same number of threads as the bare model. Before
and after the project, the bare model does the same work on such photographs: decode, segment, make regions.
All photographs differ: the worker would not encode the same one twice.
"""

import argparse
import io
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from backend.demo.label_studio_server import LabelStudioServer
from backend.demo.photos import Photo, sample_photos
from backend.images.loader import decode_image
from backend.label_studio.client import LabelStudioClient
from backend.label_studio.label_config import Target, read_label_config
from backend.painting import label_config
from backend.prelabel import Prelabeller, PrelabelReport
from backend.product import Product
from backend.queueing.connection import connect
from backend.regions.registry import CONTROL_TAGS, build_regions
from backend.settings import load_settings
from benchmarks.measuring import load
from tests.label_studio import PROGRAM, unused_port
from zegclip_core.labels import parse_words
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import Segmenter, build_segmenter

WORDS = "cat, person, cup, motorcycle, building, flower"
VERSION = "zegclip-mini@4"
LONGEST_SIDE = 512
WARM_UP = 7
READY_SECONDS = 900


def main() -> None:
    """Measure and print the ratio."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--bare", type=int, default=50, help="photographs of the bare model, on either side")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    prepare_processor(threads=options.threads)
    segmenter = build_segmenter("zegclip-mini", device="cpu")
    (target,) = read_label_config(label_config(parse_words(WORDS)), control_tags=CONTROL_TAGS).targets
    photos = different_photos(options.tasks)
    bare_photos = photos[: options.bare]
    bare_seconds(segmenter, target, photos[:WARM_UP])
    with tempfile.TemporaryDirectory() as name:
        server = LabelStudioServer(program=PROGRAM, folder=Path(name) / "label-studio", port=unused_port())
        with server, _product(server, Path(name), options.threads) as product:
            product.wait_until_ready(timeout=READY_SECONDS)
            run = _prelabeller(server, product, photos)
            before = bare_seconds(segmenter, target, bare_photos)
            report = run.run()
            after = bare_seconds(segmenter, target, bare_photos)
    _print(report, before, after, options)


def different_photos(count: int) -> list[Photo]:
    """Return sample photographs of at most 512 pixels, each turn through them cropped by one pixel more."""
    samples = sample_photos()
    photos = []
    for number in range(count):
        sample, crop = samples[number % len(samples)], number // len(samples)
        file = io.BytesIO()
        with Image.open(io.BytesIO(sample.content)) as picture:
            picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            picture.crop((crop, 0, picture.width, picture.height)).save(file, "JPEG", quality=92)
        photos.append(Photo(f"{number}-{sample.name}", file.getvalue()))
    return photos


def bare_seconds(segmenter: Segmenter, target: Target, photos: Sequence[Photo]) -> float:
    """Return what the model's own work on some photographs takes."""
    began = time.perf_counter()
    for photo in photos:
        build_regions(target, segmenter.segment(decode_image(photo.content), target.labels))
    return time.perf_counter() - began


def _product(server: LabelStudioServer, folder: Path, threads: int) -> Product:
    return Product(
        settings=load_settings(
            port=unused_port(),
            data_dir=folder / "zegclip",
            device="cpu",
            threads=threads,
            label_studio_url=server.url,
            label_studio_api_key=server.token(),
            log_level="WARNING",
        )
    )


def _prelabeller(server: LabelStudioServer, product: Product, photos: Sequence[Photo]) -> Prelabeller:
    client = LabelStudioClient(origin=server.origin())
    project = client.create_project(title="benchmark", label_config=label_config(parse_words(WORDS)))
    for photo in photos:
        client.upload(project, name=photo.name, content=photo.content)
    return Prelabeller(
        client=client,
        connection=connect(product.redis_url),
        project=project,
        model_version=VERSION,
        batch_size=product.settings.batch_size,
        workers=1,
    )


def _print(report: PrelabelReport, before: float, after: float, options: argparse.Namespace) -> None:
    bare, threads = options.bare, options.threads
    bare_rate = 2 * bare / (before + after)
    rate = report.done / report.seconds
    print(f"{load()}, {threads} threads")
    print(
        f"bare model: {bare_rate:.2f} photographs/s ({before:.0f} s before, {after:.0f} s after, {bare} each)"
    )
    print(f"prelabel: {rate:.2f} tasks/s ({report.done} tasks, {len(report.failures)} failed)")
    print(f"share of the bare model's throughput: {rate / bare_rate:.0%}")


if __name__ == "__main__":
    main()
