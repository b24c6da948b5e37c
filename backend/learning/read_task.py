"""From a task of Label Studio, with its annotations and predictions, to samples."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.images.source import ImageSource
from backend.label_studio.label_config import LabelConfig, Target
from backend.learning.annotations import (
    Several,
    choose,
    corrected_map,
    label_names,
    pixel_changes,
    prediction_behind,
    region_changes,
)
from backend.learning.project_labels import painted_targets
from backend.learning.sample import Sample
from backend.learning.sample_store import SampleStore
from backend.task_data import image_addresses


def read_task(
    task: Mapping[str, Any],
    config: LabelConfig,
    *,
    store: SampleStore,
    images: ImageSource,
    several: Several,
    project: str,
) -> tuple[tuple[Sample, ...], tuple[str, ...]]:
    """Make a task's samples, one for each of its images, and store their pictures.

    Args:
        task: with `id`, `data`, `annotations` and `predictions`.
        config: the project's labelling configuration.
        store: where pictures go.
        images: fetches the task's images.
        several: which annotations count when there are several and none is ground truth.
        project: keeps download caches of projects apart.

    Returns the samples (none without a submitted annotation) and what could not be read, in words.
    Raises `ImageError`.

    """
    chosen = choose(task.get("annotations") or (), several=several)
    samples, problems = list[Sample](), list[str]()
    for target, item, address in _images_of(task["data"], painted_targets(config)) if chosen else ():
        image = images.load(address, task_id=task["id"], project=project)
        sample, unread = _make_sample(task, target.to_name, item, image, chosen, store)
        samples.append(sample)
        problems += [f"task {task['id']}, {problem}" for problem in unread]
    return tuple(samples), tuple(problems)


def _images_of(
    data: Mapping[str, Any], targets: Sequence[Target]
) -> Iterator[tuple[Target, int | None, str]]:
    """Yield each image once, with its place in a list; several controls may paint on one image."""
    for target in {target.to_name: target for target in targets}.values():
        for item, address in image_addresses(data, target):
            yield target, item, address


def _make_sample(
    task: Mapping[str, Any],
    to_name: str,
    item: int | None,
    image: NDArray[np.uint8],
    chosen: Sequence[Mapping[str, Any]],
    store: SampleStore,
) -> tuple[Sample, tuple[str, ...]]:
    height, width = image.shape[:2]
    prediction = prediction_behind(chosen[-1], task.get("predictions") or ())
    predicted = (prediction or {}).get("result") or ()
    names = label_names([one.get("result") or () for one in chosen], predicted)
    place: dict[str, Any] = {"width": width, "height": height, "to_name": to_name, "item": item}
    corrected, problems = corrected_map(chosen, names=names, **place)
    times = [float(one["lead_time"]) for one in chosen if one.get("lead_time") is not None]
    compared: dict[str, Any] = {}
    if prediction is not None:
        before, _ = corrected_map([prediction], names=names, **place)
        compared = {
            "model_version": str(prediction.get("model_version") or ""),
            "predicted_mask": store.put_mask(before),
            "regions": region_changes(chosen[-1].get("result") or (), predicted),
            "pixels": pixel_changes(corrected, before, names),
        }
    sample = Sample(
        task=int(task["id"]),
        to_name=to_name,
        item=item,
        image=store.put_image(image),
        mask=store.put_mask(corrected),
        labels=names,
        width=width,
        height=height,
        annotations=tuple(int(one["id"]) for one in chosen),
        lead_time=sum(times) / len(times) if times else None,
        updated_at=max(str(one.get("updated_at") or "") for one in chosen),
        **compared,
    )
    return sample, problems
