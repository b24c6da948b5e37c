"""Whether an inference worker's memory stays flat: resident size over hundreds of tasks, and its slope.

Run it in the checkout: `python -m benchmarks.memory`. A real worker paints photographs of many sizes, in
changing order and with changing label sets; its resident size is read after every job.
"""

import argparse
import io
import random
import statistics
import time
from collections.abc import Iterator
from typing import Any

from PIL import Image

from backend.demo.photos import sample_photos
from backend.painting import label_config
from backend.queueing.enqueue import enqueue_predict, wait_for
from backend.queueing.names import INFERENCE
from benchmarks.measuring import load, resident_bytes, table
from tests.processes import Installation, data_url, short_folder
from zegclip_core.labels import parse_words

BATCH = 4
SIDES = (200, 256, 384, 512, 640)
WORDS = ("cat", "person", "cup", "spoon", "motorcycle", "temple", "flower", "rocket", "sky", "table")
ROWS = 10


def main() -> None:
    """Paint and print resident sizes and their slope."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=500)
    options = parser.parse_args()
    sizes: list[int] = []
    with short_folder() as folder, Installation(folder) as own:
        worker = own.start_worker()
        for payload in payloads(options.tasks // BATCH):
            job = enqueue_predict(payload, queue=INFERENCE, connection=own.connection)
            (outcome,) = wait_for([job], deadline=time.monotonic() + 600)
            if outcome.state != "done" or any("error" in item for item in outcome.value["results"]):
                raise SystemExit(f"a task failed: {outcome.reason or outcome.value}")
            sizes.append(resident_bytes(worker.pid))
    tasks = [BATCH * (number + 1) for number in range(len(sizes))]
    print(load())
    step = max(1, len(sizes) // ROWS)
    shown = [[str(tasks[n]), f"{sizes[n] / 2**20:.0f}"] for n in range(step - 1, len(sizes), step)]
    print(table(("tasks", "resident, MB"), [[str(tasks[0]), f"{sizes[0] / 2**20:.0f}"], *shown]))
    half = len(sizes) // 2
    for name, part in (("all", slice(None)), ("second half", slice(half, None))):
        slope = statistics.linear_regression(tasks[part], sizes[part]).slope
        print(f"slope, {name}: {slope / 1024:+.1f} kB for each task")


def payloads(count: int) -> Iterator[dict[str, Any]]:
    """Yield jobs of photographs at changing sizes with changing labels, the same in every run."""
    choose = random.Random(0)
    images = [data_url(_scaled(photo.content, side)) for photo in sample_photos() for side in SIDES]
    for _ in range(count):
        labels = choose.sample(WORDS, choose.randint(2, 6))
        yield {
            "tasks": [{"id": n, "data": {"image": choose.choice(images)}} for n in range(BATCH)],
            "label_config": label_config(parse_words(", ".join(labels))),
            "project": "3",
        }


def _scaled(content: bytes, side: int) -> bytes:
    with Image.open(io.BytesIO(content)) as picture:
        picture.thumbnail((side, side))
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=90)
    return file.getvalue()


if __name__ == "__main__":
    main()
