"""A click's way through a real Label Studio and back: `python -m benchmarks.interactive`.

Starts a Label Studio, the product beside it, and projects with photographs, then clicks as the editor does,
by `POST /api/ml/{id}/interactive-annotating`, one click after the other. "Cold" is the first click on a
photograph, which is downloaded, decoded and encoded. "Warm" are further clicks on it, one point more each.
Label Studio asks for health and set-up before each click; the last rows are the same requests without it.
"""

import argparse
import io
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import requests
from PIL import Image, ImageOps

from backend.demo.label_studio_server import LabelStudioServer
from backend.demo.photos import sample_photos
from backend.label_studio.client import LabelStudioClient
from backend.product import Product
from backend.settings import load_settings
from benchmarks.measuring import load, percentile, table
from tests.label_studio import PROGRAM, unused_port

LABELS = ("cat", "person", "cup", "motorcycle", "flower")
_LABEL_TAGS = "".join(f'<Label value="{name}"/>' for name in LABELS)
CONFIG = (
    '<View><Image name="image" value="$image"/>'
    f'<BrushLabels name="brush" toName="image">{_LABEL_TAGS}</BrushLabels>'
    f'<KeyPointLabels name="kp" toName="image" smart="true">{_LABEL_TAGS}</KeyPointLabels></View>'
)
_TIMEOUT = 120


def photos(count: int, side: int) -> Iterator[bytes]:
    """Yield different photographs with the longer side at `side` pixels, as JPEG files."""
    originals = [Image.open(io.BytesIO(photo.content)).convert("RGB") for photo in sample_photos()]
    for number, original in zip(range(count), itertools.cycle(originals), strict=False):
        turned = ImageOps.mirror(original) if number // len(originals) % 2 else original
        cut = number // (2 * len(originals))
        picture = turned.crop((cut, cut, turned.width - cut, turned.height - cut))
        scale = side / max(picture.size)
        resized = picture.resize((round(picture.width * scale), round(picture.height * scale)))
        file = io.BytesIO()
        resized.save(file, "JPEG", quality=90)
        yield file.getvalue()


def click(number: int, generator: random.Random) -> dict[str, Any]:
    """Return one positive point as the editor sends it."""
    value = {"x": generator.uniform(5, 95), "y": generator.uniform(5, 95), "width": 0.3}
    return {
        "id": f"click-{number}",
        "from_name": "kp",
        "to_name": "image",
        "type": "keypointlabels",
        "origin": "manual",
        "is_positive": number % 4 != 3,
        "value": {**value, "keypointlabels": [LABELS[0]]},
    }


class Clicker:
    """Clicks on tasks of one project, through Label Studio or straight at the backend."""

    def __init__(self, client: LabelStudioClient, product: Product, project: int, backend: int) -> None:
        self._client = client
        self._product = product
        self._project = project
        self._path = f"/api/ml/{backend}/interactive-annotating"

    def through_label_studio(self, task: dict[str, Any], points: Sequence[dict[str, Any]]) -> float:
        """Return the seconds that an answer took."""
        body = {"task": task["id"], "context": {"result": list(points)}}
        started = time.perf_counter()
        reply = self._client.call("POST", self._path, body=body)
        seconds = time.perf_counter() - started
        if "errors" in reply or "result" not in reply["data"]:
            raise SystemExit(f"no answer to a click: {str(reply)[:300]}")
        return seconds

    def straight(self, task: dict[str, Any], points: Sequence[dict[str, Any]]) -> float:
        """The same without Label Studio."""
        body = {
            "tasks": [task],
            "project": f"{self._project}.1",
            "label_config": CONFIG,
            "params": {"login": None, "password": None, "context": {"result": list(points)}},
        }
        started = time.perf_counter()
        requests.post(f"{self._product.url}/predict", json=body, timeout=_TIMEOUT).raise_for_status()
        return time.perf_counter() - started


def measure(clicker: Clicker, tasks: Sequence[dict[str, Any]], warm_clicks: int) -> dict[str, list[float]]:
    """Return the seconds of every click by its kind."""
    generator = random.Random(0)
    times: dict[str, list[float]] = {"cold": [], "warm": [], "warm, without Label Studio": []}
    for task in tasks:
        points = [click(0, generator)]
        times["cold"].append(clicker.through_label_studio(task, points))
        for number in range(1, warm_clicks + 1):
            points.append(click(number, generator))
            times["warm"].append(clicker.through_label_studio(task, points))
            times["warm, without Label Studio"].append(clicker.straight(task, points))
    return times


def row(name: str, side: int, seconds: Sequence[float]) -> list[str]:
    """Return a table row in milliseconds."""
    figures = (statistics.median(seconds), percentile(seconds, 0.95), max(seconds))
    return [name, str(side), str(len(seconds)), *(f"{1000 * figure:.0f}" for figure in figures)]


def main() -> None:
    """Measure every size and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=int, default=20, help="of each size")
    parser.add_argument("--clicks", type=int, default=5, help="warm clicks on each photograph")
    parser.add_argument("--sides", type=int, nargs="+", default=[640, 2000, 4000], help="longer side, pixels")
    parser.add_argument("--threads", type=int, default=0, help="CPU threads of the inference worker")
    chosen = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        server = LabelStudioServer(program=PROGRAM, folder=Path(folder) / "studio", port=unused_port())
        with server:
            settings = load_settings(
                port=unused_port(),
                data_dir=Path(folder) / "product",
                threads=chosen.threads,
                label_studio_url=server.url,
                label_studio_api_key=server.token(),
                log_level="WARNING",
            )
            client = LabelStudioClient(origin=server.origin())
            with Product(settings=settings) as product:
                product.wait_until_ready(timeout=600)
                for side in chosen.sides:
                    project = client.create_project(title=f"{side} pixels", label_config=CONFIG)
                    for number, content in enumerate(photos(chosen.photos, side)):
                        client.upload(project, name=f"{number}.jpg", content=content)
                    backend = client.connect_backend(
                        project, url=product.url, title="ZegCLIP", interactive=True
                    )
                    tasks = [
                        {"id": task.id, "data": dict(task.data)}
                        for page in client.iter_tasks(project)
                        for task in page
                    ]
                    found = measure(Clicker(client, product, project, backend), tasks, chosen.clicks)
                    rows += [row(name, side, seconds) for name, seconds in found.items()]
    print(table(("click", "longer side", "n", "median ms", "p95 ms", "max ms"), rows))
    print(load())


if __name__ == "__main__":
    main()
