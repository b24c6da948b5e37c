"""The images of a job's tasks in one batch: fetched and decoded by several threads, encoded at once."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from backend.images.source import ImageSource
from backend.label_studio.label_config import LabelConfig
from backend.task_data import first_addresses
from zegclip_core.encoding import EncodedImage, PreparedImage
from zegclip_core.feature_cache import FeatureCache
from zegclip_core.segmenter import Segmenter

_log = logging.getLogger(__name__)
# What a GPU of 8 GB takes of ViT-L/14 at 512 pixels; it is halved where memory runs out.
BATCH_SIZE = 32


def encode_together(
    tasks: Sequence[Mapping[str, Any]],
    config: LabelConfig,
    *,
    segmenter: Segmenter,
    images: ImageSource,
    project: str,
    features: FeatureCache,
    pool: Executor,
) -> list[dict[str, EncodedImage]]:
    """Encode the first images of all tasks.

    Args:
        tasks: with `id` and `data`.
        config: tells which fields hold images.
        segmenter: encodes.
        images: fetches and decodes.
        project: keeps download caches of projects apart.
        features: what has been encoded before, and what is kept now.
        pool: fetches and decodes beside each other.

    Returns for each task what was encoded, by address. An image that fails is left out: whoever paints its
    task meets the failure where it counts.

    """

    def get(place: int, address: str) -> EncodedImage | tuple[bytes, PreparedImage] | None:
        try:
            content = images.fetch(address, task_id=tasks[place].get("id"), project=project)
            found = features.find(segmenter, content)
            return found or (content, segmenter.prepare(images.decode(content)))
        except Exception as error:
            _log.debug("task %s is left out of the batch: %s", tasks[place].get("id"), type(error).__name__)
            return None

    wanted = [
        (place, address)
        for place, task in enumerate(tasks)
        for address in first_addresses(task, config.targets)
    ]
    got = list(pool.map(get, *zip(*wanted, strict=True))) if wanted else []
    missing = [one for one in got if isinstance(one, tuple)]
    try:
        encoded = segmenter.encode_prepared([prepared for _, prepared in missing], batch_size=BATCH_SIZE)
    except Exception as error:
        _log.warning("a batch failed (%s): its tasks are painted one by one", type(error).__name__)
        return [{} for _ in tasks]
    contents = [content for content, _ in missing]
    kept = pool.map(features.keep, [segmenter] * len(missing), contents, encoded)
    together: list[dict[str, EncodedImage]] = [{} for _ in tasks]
    for (place, address), one in zip(wanted, got, strict=True):
        if one is not None:
            together[place][address] = next(kept) if isinstance(one, tuple) else one
    return together
