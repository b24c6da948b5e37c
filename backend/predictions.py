"""Tasks to predictions in Label Studio's form: exactly one for each task, in order, each failing alone."""

import functools
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from backend.errors import BackendError
from backend.images.errors import ImageAddressError, ImageError
from backend.images.source import ImageSource
from backend.label_studio.errors import LabelConfigError
from backend.label_studio.label_config import UNNAMED_FIELD, LabelConfig, Target, read_label_config
from backend.logs import redact
from backend.predict_requests import PASSING, passing_failure
from backend.regions.registry import CONTROL_TAGS, build_regions
from zegclip_core.errors import ZegCLIPError
from zegclip_core.segmenter import EncodedImage, Segmenter

_log = logging.getLogger(__name__)
_SCORE_DIGITS = 4
PERMANENT = "permanent"


def predict_tasks(
    tasks: Sequence[Mapping[str, Any]],
    label_config: str,
    *,
    segmenter: Segmenter,
    images: ImageSource,
    model_version: str,
    context: Mapping[str, Any] | None = None,
    extra_params: Any = None,
    project: str = "",
) -> list[dict[str, Any]]:
    """Predict every task with a project's labels.

    Args:
        tasks: with `id` and `data`.
        label_config: the labelling configuration (XML).
        segmenter: the loaded model.
        images: fetches and decodes the tasks' images.
        model_version: what predictions carry.
        context: an interactive request's regions; their labels alone are painted then.
        extra_params: the project's settings for the backend.
        project: keeps download caches of projects apart.

    Returns items with `model_version`, `score` (certainty, 0..1) and `result` (regions). A task that cannot
    be painted has an empty `result` and an `error`; after a passing failure it has no `result` at all, which
    makes Label Studio ask again.

    """
    try:
        config = cached_label_config(label_config, _hashable(extra_params))
    except LabelConfigError as error:
        return [_failure(task, error, PERMANENT, model_version) for task in tasks]
    for warning in config.warnings:
        _log.warning("project %s: %s", project, warning)
    wanted = prompted_labels(context)
    items = []
    for task in tasks:
        try:
            regions, score = _paint(task, config, wanted, segmenter, images, project)
            items.append({"model_version": model_version, "score": score, "result": regions})
        except ImageError as error:
            kind = PASSING if error.passing else PERMANENT
            items.append(_failure(task, error, kind, model_version))
        except (BackendError, ZegCLIPError, MemoryError, ValueError, RuntimeError) as error:
            # The border between tasks: whatever one image does to the model stays with its task.
            items.append(_failure(task, error, PERMANENT, model_version))
    return items


def prompted_labels(context: Mapping[str, Any] | None) -> frozenset[str] | None:
    """Return the labels of an interactive request's regions, or None for an ordinary one."""
    if context is None:
        return None
    regions = context.get("result")
    labels: set[str] = set()
    for region in regions if isinstance(regions, list) else ():
        value = region.get("value") if isinstance(region, Mapping) else None
        for key, names in value.items() if isinstance(value, Mapping) else ():
            if key.endswith("labels") and isinstance(names, list):
                labels.update(str(name) for name in names)
    return frozenset(labels)


@functools.lru_cache(maxsize=64)
def cached_label_config(xml: str, extra_params: tuple[tuple[str, str], ...] = ()) -> LabelConfig:
    """Read a labelling configuration once for many tasks; raises `LabelConfigError`."""
    return read_label_config(xml, control_tags=CONTROL_TAGS, extra_params=dict(extra_params))


def image_field(data: Mapping[str, Any], target: Target) -> object:
    """Return the image's address in a task's data.

    Raises `ImageAddressError` when the field is missing and no other can be meant.
    """
    for key in (target.data_key, UNNAMED_FIELD):
        if key in data:
            return data[key]
    texts = [value for value in data.values() if isinstance(value, str)]
    if len(texts) == 1:
        return texts[0]
    raise ImageAddressError(
        f"the task has no field {target.data_key!r} (it has: {', '.join(sorted(map(str, data))) or 'none'})"
    )


def _paint(
    task: Mapping[str, Any],
    config: LabelConfig,
    wanted: frozenset[str] | None,
    segmenter: Segmenter,
    images: ImageSource,
    project: str,
) -> tuple[list[dict[str, Any]], float]:
    """Regions of all targets and the lowest certainty; every image is fetched and encoded once."""
    data = task.get("data")
    if not isinstance(data, Mapping):
        raise ImageAddressError("the task has no data")
    encoded: dict[object, EncodedImage] = {}
    regions: list[dict[str, Any]] = []
    scores = []
    for target in config.targets:
        address = image_field(data, target)
        if address not in encoded:
            encoded[address] = segmenter.encode(images.load(address, task_id=task.get("id"), project=project))
        segmentation = segmenter.classify(encoded[address], target.labels)
        scores.append(segmentation.certainty)
        found = build_regions(target, segmentation)
        regions += [region for region in found if wanted is None or _labels_of(region) & wanted]
    return regions, round(min(scores, default=0.0), _SCORE_DIGITS)


def _labels_of(region: Mapping[str, Any]) -> set[str]:
    return set(region["value"].get(region["type"], ()))


def _failure(task: Mapping[str, Any], error: Exception, kind: str, model_version: str) -> dict[str, Any]:
    message = redact(str(error)) or type(error).__name__
    _log.warning("task %s: %s failure: %s", task.get("id"), kind, message)
    if kind == PASSING:
        return passing_failure(message, model_version=model_version)
    return {
        "model_version": model_version,
        "score": 0.0,
        "result": [],
        "error": {"kind": kind, "message": message},
    }


def _hashable(extra_params: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(extra_params, Mapping):
        return ()
    return tuple(sorted((str(name), str(value)) for name, value in extra_params.items()))
