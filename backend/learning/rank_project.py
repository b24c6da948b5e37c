"""Make Label Studio's label stream ask for what teaches most.

Label Studio's uncertainty sampling shows the task with the lowest score among predictions of the project's
`model_version`, from the clusters that the annotator has seen least. Both are written here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.images.errors import ImageError
from backend.images.source import ImageSource
from backend.label_studio.client import LabelStudioClient
from backend.label_studio.corrections import iter_full_tasks
from backend.label_studio.unannotated import unannotated_tasks
from backend.learning.label_stream import switch_sampling_on
from backend.learning.project_labels import painted_targets, read_config
from backend.learning.ranking import RankedTask, rank
from backend.task_data import image_addresses
from zegclip_core.segmenter import Segmenter


def rank_project(
    client: LabelStudioClient,
    project: int,
    *,
    segmenter: Segmenter,
    version: str,
    images: ImageSource,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> list[RankedTask]:
    """Write score and cluster of every predicted task without annotation, and switch the sampling on.

    Args:
        client: Label Studio.
        project: the project's number.
        segmenter: the model in service; its image features tell which images are alike.
        version: what its predictions carry.
        images: fetches the tasks' images.
        progress: called with tasks done so far and all tasks.

    Returns the tasks in the order of annotation; those without a prediction of the version, or without a
    readable image, are left out. Errors as of the client.

    """
    targets = painted_targets(read_config(str(client.project(project)["label_config"])))
    waiting = [
        one.task.id for one in unannotated_tasks(client, project) if version in one.task.model_versions
    ]
    tasks, scores, embeddings, predictions = list[int](), list[float](), list[NDArray[np.float32]](), {}
    for task in iter_full_tasks(client, project, waiting):
        prediction = _prediction_of(task, version)
        if prediction is None or not targets:
            continue
        try:
            _, address = image_addresses(task["data"], targets[0])[0]
            image = images.load(address, task_id=task["id"], project=str(project))
        except ImageError:
            continue
        tasks.append(int(task["id"]))
        scores.append(float(prediction.get("score") or 0.0))
        embeddings.append(_embedding(segmenter, image))
        predictions[int(task["id"])] = prediction["id"]
        progress(len(tasks), len(waiting))
    if not tasks:
        return []
    ranked = rank(tasks, scores, np.stack(embeddings))
    for one in ranked:
        client.call("PATCH", f"/api/predictions/{predictions[one.task]}/", body={"cluster": one.cluster})
    switch_sampling_on(client, project, version)
    return ranked


def _prediction_of(task: Mapping[str, Any], version: str) -> Mapping[str, Any] | None:
    predictions: Sequence[Mapping[str, Any]] = task.get("predictions") or ()
    return next((one for one in predictions if one.get("model_version") == version), None)


def _embedding(segmenter: Segmenter, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the image's global feature, unit length, as the mean over the windows."""
    encoded = segmenter.encode(image)
    features = np.stack([one.global_feature[0].float().cpu().numpy() for one in encoded.features])
    mean = features.mean(axis=0)
    unit: NDArray[np.float32] = (mean / max(float(np.linalg.norm(mean)), 1e-6)).astype(np.float32)
    return unit
