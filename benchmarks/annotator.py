"""A simulated annotator: opens tasks of a real Label Studio, corrects them to the truth and submits."""

import argparse
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.label_studio.client import LabelStudioClient
from backend.painting import label_config
from backend.prelabel import Prelabeller
from backend.product import Product
from backend.queueing.connection import connect
from backend.regions.brush_rle import encode_mask
from training.dataset_description import DatasetDescription
from training.dataset_files import read_mask
from zegclip_core.backbones.notation import model_version, parse_notation
from zegclip_core.labels import Label

_BACKGROUND = '<Label value="nothing of these" model_background="true"/>'


class Annotator:
    """Corrects tasks of one project to the ground truth.

    Args:
        client: Label Studio.
        project: the project's number.
        dataset: the truth.
        ids: the image of each task; a task's picture is named after its place in this list.
        never: names of labels that are never painted.

    """

    def __init__(
        self,
        *,
        client: LabelStudioClient,
        project: int,
        dataset: DatasetDescription,
        ids: Sequence[str],
        never: Sequence[str],
    ) -> None:
        self.client = client
        self.project = project
        self.dataset = dataset
        self.ids = ids
        self.never = set(never)

    def work(self, task: int) -> bool:
        """Submit the truth of a task; False when it shows a label that is never painted, and is skipped."""
        opened = self.client.call("GET", f"/api/tasks/{task}/")
        mask = read_mask(self.dataset, self.ids[int(Path(opened["data"]["image"]).stem.split("-", 1)[1])])
        shown = [one for one in self.dataset.foreground if (mask == one.index).any()]
        predictions = opened.get("predictions") or [{}]
        body: dict[str, Any] = {
            "lead_time": 10.0,
            "parent_prediction": predictions[-1].get("id"),
            "result": [painted_region(one.name, mask == one.index) for one in shown],
        }
        skipped = any(one.name in self.never for one in shown)
        if skipped:
            body |= {"was_cancelled": True, "result": []}
        self.client.call("POST", f"/api/tasks/{task}/annotations/", body=body)
        return not skipped


def painted_region(label: str, mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Return what Label Studio stores when somebody has painted a mask (H, W) with the brush."""
    height, width = mask.shape
    return {
        "id": f"r-{label}",
        "from_name": "label",
        "to_name": "image",
        "type": "brushlabels",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "origin": "manual",
        "value": {"format": "rle", "rle": encode_mask(mask), "brushlabels": [label]},
    }


def add_project_options(parser: argparse.ArgumentParser, *, pool: int) -> None:
    """Describe what every benchmark with a simulated annotator asks for.

    Args:
        parser: of the benchmark.
        pool: tasks in the project unless the command line says otherwise.

    """
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--label-studio", type=Path, required=True, help="its program")
    parser.add_argument("--train-split", default="train_aug")
    parser.add_argument("--never", nargs="*", default=None, help="labels never painted (default: 'unseen')")
    parser.add_argument("--pool", type=int, default=pool, help="tasks in the project")


def open_project(
    client: LabelStudioClient, *, title: str, dataset: DatasetDescription, ids: Sequence[str], url: str
) -> tuple[int, int]:
    """Make a project with the labels of a data set and a task for each image, connected to the product.

    Args:
        client: Label Studio.
        title: the project's.
        dataset: labels, and whether a background is declared.
        ids: the images; a task's picture is named after its place in this list.
        url: of the product.

    Returns the numbers of project and backend.

    """
    config = label_config([Label(one.name, one.prompts) for one in dataset.foreground])
    if dataset.background is not None:
        config = config.replace("</BrushLabels>", f"{_BACKGROUND}</BrushLabels>")
    project = client.create_project(title=title, label_config=config)
    for place, image_id in enumerate(ids):
        path = dataset.image_path(image_id)
        client.upload(project, name=f"{place}{path.suffix}", content=path.read_bytes())
    return project, client.connect_backend(project, url=url, title="ZegCLIP")


def predict_all(client: LabelStudioClient, project: int, product: Product) -> None:
    """Let `prelabel` paint all tasks: Label Studio's own button asks for all at once, and waits 100 seconds.

    Raises `SystemExit` when a task could not be painted.
    """
    report = Prelabeller(
        client=client,
        connection=connect(product.redis_url),
        project=project,
        model_version=model_version(parse_notation(product.settings.model)),
        batch_size=product.settings.batch_size,
        workers=1,
    ).run()
    if report.failures:
        raise SystemExit(f"{len(report.failures)} tasks were not painted, the first: {report.failures[0]}")


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
