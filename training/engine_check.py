"""Whether a faster engine keeps a model's masks: mIoU on a hold-out against PyTorch, and its speed."""

import logging
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

from training.dataset_description import DatasetDescription
from training.dataset_files import read_image
from training.evaluate import evaluate
from zegclip_core.encoding import image_pixels, resize_image
from zegclip_core.engines.checks import EngineCheck, engine_folder, write_checks
from zegclip_core.engines.openvino_conversion import convert
from zegclip_core.engines.openvino_engine import OpenVINOEngine
from zegclip_core.engines.precision import PRECISIONS
from zegclip_core.segmenter import Segmenter
from zegclip_core.windows import plan_windows

_LOG = logging.getLogger(__name__)
_CALIBRATION_IMAGES = 16
_TIMED_IMAGES = 3
_ROUNDS = 5


def check_engines(
    segmenter: Segmenter,
    description: DatasetDescription,
    split: str,
    *,
    cache_dir: Path,
    limit: int | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> list[EngineCheck]:
    """Convert a model at every precision, score and time it, and keep the result for `set_engine`.

    Args:
        segmenter: the model, on the CPU; it runs on PyTorch again afterwards.
        description: a data set with masks that the model was not trained on.
        split: the hold-out; `int8` is calibrated on images of other splits where there are any.
        cache_dir: where conversions and results are kept.
        limit: so many images of the split at most.
        progress: told what is being done.

    Raises `EngineError` when the extra `fast` is not installed, and `DatasetError` and its kinds.

    """
    head, tower = segmenter.head, segmenter.head.tower
    tower.engine = None
    folder = engine_folder(cache_dir, head.encoding_digest)
    holdout = list(description.ids(split))[:limit]
    progress(f"scoring torch on {len(holdout)} images")
    reference = evaluate(segmenter, description, split, ids=holdout).scores.m_iou
    calibration = _views(segmenter, description, calibration_ids(description, split))
    timed = _views(segmenter, description, holdout[:_TIMED_IMAGES])
    checks = []
    for precision in PRECISIONS:
        progress(f"converting to {precision}")
        convert(tower, folder / precision, precision, calibration=calibration)
        engine = OpenVINOEngine(folder / precision, parts=1 + len(tower.blocks), name=f"openvino {precision}")
        progress(f"scoring openvino {precision}")
        try:
            ratio = speed_ratio(segmenter, engine, timed)
            tower.engine = engine
            m_iou = evaluate(segmenter, description, split, ids=holdout).scores.m_iou
        finally:
            tower.engine = None
        checks.append(
            EngineCheck(
                precision=precision,
                loss=round(reference - m_iou, 3),
                ratio=round(ratio, 3),
                images=len(holdout),
                dataset=f"{description.name}/{split}",
            )
        )
        _LOG.info("%s", checks[-1])
    write_checks(folder, checks)
    return checks


def calibration_ids(description: DatasetDescription, holdout: str) -> list[str]:
    """Return images to calibrate on: outside the hold-out, or of it when there are no others."""
    held = set(description.ids(holdout))
    others = [one for split in description.splits for one in description.ids(split) if one not in held]
    candidates = others or sorted(held)
    step = max(1, len(candidates) // _CALIBRATION_IMAGES)
    return candidates[::step][:_CALIBRATION_IMAGES]


def speed_ratio(segmenter: Segmenter, engine: OpenVINOEngine, views: Sequence[Tensor]) -> float:
    """Return how many times faster an engine encodes than PyTorch: medians of runs that take turns."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(_ROUNDS + 1):
        for view in views:
            for fast in (False, True):
                segmenter.head.tower.engine = engine if fast else None
                started = time.perf_counter()
                segmenter.head.encode(view)
                # The first turn warms up.
                if turn:
                    seconds[fast].append(time.perf_counter() - started)
    return statistics.median(seconds[False]) / statistics.median(seconds[True])


def _views(segmenter: Segmenter, description: DatasetDescription, ids: Sequence[str]) -> list[Tensor]:
    """Photographs as the tower sees them: the first window of each, normalised, (1, 3, H, W)."""
    backbone = segmenter.head.backbone
    views = []
    for image_id in ids:
        image = read_image(description, image_id)
        plan = plan_windows(image.shape[0], image.shape[1], backbone.sizes)
        window = plan.windows[0]
        pixels = image_pixels(resize_image(image, plan.height, plan.width)).unsqueeze(0)
        views.append(backbone.normalise(pixels[:, :, : window.height, : window.width]))
    return views
