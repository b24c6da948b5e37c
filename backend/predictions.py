"""Tasks to predictions in Label Studio's form: exactly one for each task, in order, each failing alone."""

import functools
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from backend.encode_together import encode_together
from backend.errors import BackendError
from backend.images.errors import ImageError
from backend.images.read_ahead import ReadAhead
from backend.images.source import ImageSource
from backend.label_studio.errors import LabelConfigError
from backend.label_studio.label_config import LabelConfig, read_label_config
from backend.logs import redact
from backend.predict_requests import PASSING, passing_failure
from backend.regions.registry import CONTROL_TAGS
from backend.task_data import first_addresses, image_field
from backend.task_painter import TaskPainter, prompted_labels
from zegclip_core.encoding import EncodedImage
from zegclip_core.errors import ZegCLIPError
from zegclip_core.feature_cache import FeatureCache
from zegclip_core.segmenter import Segmenter

__all__ = ["PERMANENT", "cached_label_config", "image_field", "predict_tasks", "prompted_labels"]

_log = logging.getLogger(__name__)
PERMANENT = "permanent"
_THREADS = min(8, os.cpu_count() or 1)


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
    features: FeatureCache | None = None,
    begin: Callable[[int], object] = lambda place: None,
    stop: Callable[[], bool] = lambda: False,
    together: bool = False,
) -> list[dict[str, Any]]:
    """Predict every task with a project's labels.

    Args:
        tasks: with `id` and `data`.
        label_config: the labelling configuration (XML).
        segmenter: the loaded model.
        images: fetches and decodes the tasks' images.
        model_version: what predictions carry.
        context: an interactive request's regions; their phrases, or what they point at, are painted then.
        extra_params: the project's settings for the backend.
        project: keeps download caches of projects apart.
        features: what has been encoded before; None keeps nothing.
        begin: called with each task's place before it is painted; a `BackendError` from it fails that task.
        stop: asked between two tasks; when it says so, the tasks behind are left out.
        together: encode all images in one batch and paint beside each other, which is faster on a GPU.

    Returns items with `model_version`, `score` (certainty, 0..1) and `result` (regions). A task that cannot
    be painted has an empty `result` and an `error`; after a passing failure it has no `result` at all, which
    makes Label Studio ask again.

    """
    try:
        config = cached_label_config(label_config, json.dumps(extra_params, sort_keys=True))
        require_targets(config)
    except LabelConfigError as error:
        return [_failure(task, error, PERMANENT, model_version) for task in tasks]
    for warning in config.warnings:
        _log.warning("project %s: %s", project, warning)
    features = features or FeatureCache(memory_bytes=0)
    ahead = ReadAhead(images, project=project)

    def paint(place: int, encoded: Mapping[str, EncodedImage]) -> dict[str, Any]:
        try:
            begin(place)
            painter = TaskPainter(
                task=tasks[place],
                config=config,
                segmenter=segmenter,
                images=ahead,
                features=features,
                encoded=encoded,
            )
            results, score = painter.paint(context)
            return {"model_version": model_version, "score": score, "result": results}
        except ImageError as error:
            return _failure(tasks[place], error, PASSING if error.passing else PERMANENT, model_version)
        except (BackendError, ZegCLIPError) as error:
            return _failure(tasks[place], error, PERMANENT, model_version)
        except Exception as error:
            # The border between tasks: whatever one of them does to the model stays with it.
            _log.warning("task %s: unforeseen %s", tasks[place].get("id"), type(error).__name__)
            return _failure(tasks[place], error, PERMANENT, model_version)

    if together:
        with ThreadPoolExecutor(_THREADS) as pool:
            encoded = encode_together(
                tasks,
                config,
                segmenter=segmenter,
                images=images,
                project=project,
                features=features,
                pool=pool,
            )
            return list(pool.map(paint, range(len(tasks)), encoded))
    items: list[dict[str, Any]] = []
    for place, following in zip(range(len(tasks)), [*tasks[1:], None], strict=False):
        if items and stop():
            break
        if following is not None:
            ahead.announce(first_addresses(following, config.targets), task_id=following.get("id"))
        items.append(paint(place, {}))
    return items


@functools.lru_cache(maxsize=64)
def cached_label_config(xml: str, extra_params: str = "null") -> LabelConfig:
    """Read a labelling configuration once for many tasks; raises `LabelConfigError`.

    Args:
        xml: the configuration.
        extra_params: the project's settings for the backend, as JSON.

    """
    return read_label_config(xml, control_tags=CONTROL_TAGS, extra_params=json.loads(extra_params))


def require_targets(config: LabelConfig) -> None:
    """Raise `LabelConfigError` with the reasons when nothing of a configuration can be painted."""
    if not config.targets:
        raise LabelConfigError("; ".join(config.warnings))


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
