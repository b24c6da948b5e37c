"""One task to its results: every image fetched and encoded once, every label set asked once."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from backend.free_text import phrase_target, phrases_in_context, phrases_in_task, relabel
from backend.images.errors import ImageAddressError
from backend.images.read_ahead import ReadAhead
from backend.interactive.answer import answer_prompts
from backend.interactive.context import is_warm_up, read_prompts
from backend.label_studio.label_config import LabelConfig, Target
from backend.regions.registry import build_regions, is_for_regions
from backend.task_data import TaskLabelsError, image_addresses, with_task_labels
from zegclip_core.encoding import EncodedImage
from zegclip_core.feature_cache import FeatureCache
from zegclip_core.labels import Label
from zegclip_core.segmentation import Segmentation
from zegclip_core.segmenter import Segmenter

_log = logging.getLogger(__name__)
_SCORE_DIGITS = 4


class TaskPainter:
    """Paints one task.

    Args:
        task: with `id` and `data`.
        config: what is to be painted.
        segmenter: the loaded model.
        images: fetches and decodes images.
        features: what has been encoded before.
        encoded: images of this task that are encoded already, by address.

    """

    def __init__(
        self,
        *,
        task: Mapping[str, Any],
        config: LabelConfig,
        segmenter: Segmenter,
        images: ReadAhead,
        features: FeatureCache,
        encoded: Mapping[str, EncodedImage] | None = None,
    ) -> None:
        data = task.get("data")
        if not isinstance(data, Mapping):
            raise ImageAddressError("the task has no data")
        self._data = data
        self._task_id = task.get("id")
        self._config = config
        self._segmenter = segmenter
        self._images = images
        self._features = features
        self._encoded = dict(encoded or {})
        self._segmentations: dict[tuple[str, tuple[Label, ...]], Segmentation] = {}

    def paint(self, context: Mapping[str, Any] | None) -> tuple[list[dict[str, Any]], float]:
        """Return the task's results, and the lowest certainty of its images.

        Args:
            context: of an interactive request: only what it says or points at is painted; None paints all.

        Raises `ImageError`, `TaskLabelsError` and the errors of the model.

        """
        results: list[dict[str, Any]] = []
        targets = self._targets()
        spoken = phrases_in_context(context or {})
        if context is not None and not spoken:
            return self._answer(context, [target for target in targets if is_for_regions(target)])
        chosen = prompted_labels(context)
        if not spoken:
            for target in targets:
                results += self._results(target)
        for target in _first_on_each_image(targets):
            phrases = spoken or phrases_in_task(self._config, self._data, target.to_name)
            if phrases:
                results += self._phrase_results(target, phrases, chosen or frozenset())
        certainties = [segmentation.certainty for segmentation in self._segmentations.values()]
        return results, round(min(certainties, default=0.0), _SCORE_DIGITS)

    def _answer(
        self, context: Mapping[str, Any], targets: Sequence[Target]
    ) -> tuple[list[dict[str, Any]], float]:
        """Return what a person has pointed at; before they point at anything, encode the image only."""
        if is_warm_up(context):
            for target in _first_on_each_image(targets):
                self._encode_item(target, None)
            return [], 0.0
        results, score = answer_prompts(
            read_prompts(context), targets, segmenter=self._segmenter, encode=self._encode_item
        )
        return results, round(score, _SCORE_DIGITS)

    def _encode_item(self, target: Target, item_index: int | None) -> EncodedImage:
        addresses = image_addresses(self._data, target)
        if not addresses:
            raise ImageAddressError(f"the field {target.data_key!r} lists no image")
        return self._encode(dict(addresses).get(item_index, addresses[0][1]))

    def _targets(self) -> list[Target]:
        """The targets with labels; fails only when none has any."""
        targets, missing = list[Target](), list[TaskLabelsError]()
        for target in self._config.targets:
            try:
                targets.append(with_task_labels(target, self._data))
            except TaskLabelsError as error:
                missing.append(error)
        if missing and not targets:
            raise missing[0]
        for reason in missing:
            _log.warning("task %s: %s", self._task_id, reason)
        return targets

    def _results(self, target: Target) -> list[dict[str, Any]]:
        addresses = image_addresses(self._data, target)
        if not is_for_regions(target) and not target.per_item:
            # One answer for a list of images is given for the first of them.
            addresses = [(None, address) for _, address in addresses[:1]]
        return [
            found
            for item_index, address in addresses
            for found in build_regions(
                target, self._segmentation(address, target.labels), item_index=item_index
            )
        ]

    def _phrase_results(
        self, target: Target, phrases: tuple[str, ...], chosen: frozenset[str]
    ) -> list[dict[str, Any]]:
        painted = self._results(phrase_target(target, phrases, chosen))
        return list(relabel(painted, target.labels, chosen))

    def _segmentation(self, address: str, labels: tuple[Label, ...]) -> Segmentation:
        key = address, labels
        if key not in self._segmentations:
            self._segmentations[key] = self._segmenter.classify(self._encode(address), labels)
        return self._segmentations[key]

    def _encode(self, address: str) -> EncodedImage:
        if address not in self._encoded:
            content = self._images.fetch(address, task_id=self._task_id)
            self._encoded[address] = self._features.encode(
                self._segmenter, content, lambda: self._images.decode(content)
            )
        return self._encoded[address]


def _first_on_each_image(targets: Sequence[Target]) -> list[Target]:
    first: dict[str, Target] = {}
    for target in targets:
        if is_for_regions(target):
            first.setdefault(target.to_name, target)
    return list(first.values())


def prompted_labels(context: Mapping[str, Any] | None) -> frozenset[str] | None:
    """Return the labels of an interactive request's regions, or None for an ordinary one."""
    if context is None:
        return None
    regions = context.get("result")
    found: set[str] = set()
    for region in regions if isinstance(regions, list) else ():
        value = region.get("value") if isinstance(region, Mapping) else None
        for key, names in value.items() if isinstance(value, Mapping) else ():
            if str(key).endswith("labels") and isinstance(names, list):
                found.update(name for name in names if isinstance(name, str))
    return frozenset(found)
