"""From a task's annotations to one corrected label map, and what its annotator did to our prediction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from backend.regions.decoding import label_map_from_result, labels_of, merge_split_regions

Several = Literal["newest", "majority"]
LabelMap = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class RegionChanges:
    """What an annotator did with the regions of a prediction, in regions."""

    kept: int = 0
    changed: int = 0
    added: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class PixelChanges:
    """How a correction differs from the prediction, in pixels.

    Attributes:
        total: pixels of the image.
        changed: pixels whose label differs.
        overlaps: label to intersection and union of prediction and correction.

    """

    total: int
    changed: int
    overlaps: Mapping[str, tuple[int, int]]


def valid_annotations(annotations: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return annotations that somebody submitted (no skips), the newest last."""
    submitted = [one for one in annotations if not one.get("was_cancelled")]
    return sorted(submitted, key=lambda one: (str(one.get("updated_at") or ""), int(one.get("id") or 0)))


def choose(annotations: Sequence[Mapping[str, Any]], *, several: Several) -> list[Mapping[str, Any]]:
    """Return the annotations that count: the newest ground truth, else the newest, or all for a majority."""
    valid = valid_annotations(annotations)
    truths = [one for one in valid if one.get("ground_truth")]
    if truths:
        return truths[-1:]
    return valid if several == "majority" else valid[-1:]


def vote(label_maps: Sequence[LabelMap]) -> LabelMap:
    """Give each pixel the value that most annotators gave it; the newest annotator, who is last, breaks ties.

    Args:
        label_maps: at least one, each (H, W).

    """
    newest = label_maps[-1]
    if len(label_maps) < 3:
        return newest
    stacked = np.stack(label_maps)
    winner, most = newest.copy(), (stacked == newest).sum(axis=0)
    for value in np.unique(stacked):
        votes = (stacked == value).sum(axis=0)
        better = votes > most
        winner[better], most[better] = value, votes[better]
    return winner


def label_names(corrections: Sequence[Sequence[Any]], predicted: Sequence[Any]) -> tuple[str, ...]:
    """Return the labels that results use, the corrections' first: their numbers stay when others come.

    Args:
        corrections: the results of annotations.
        predicted: the result of the prediction behind them.

    """
    used = {label for result in corrections for label in _labels_in(result)}
    return (*sorted(used), *sorted(_labels_in(predicted) - used))


def corrected_map(
    annotations: Sequence[Mapping[str, Any]],
    *,
    names: Sequence[str],
    width: int,
    height: int,
    to_name: str,
    item: int | None,
) -> tuple[LabelMap, tuple[str, ...]]:
    """Paint the chosen annotations, (H, W): 0 = unlabelled, n = the n-th name; and what could not be read."""
    numbers = {name: number for number, name in enumerate(names, start=1)}
    painted = [
        label_map_from_result(
            one.get("result") or (),
            numbers=numbers,
            width=width,
            height=height,
            to_name=to_name,
            item_index=item,
        )
        for one in annotations
    ]
    problems = tuple(problem for one in painted for problem in one.problems)
    return vote([one.label_map for one in painted]), problems


def prediction_behind(
    annotation: Mapping[str, Any], predictions: Sequence[Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """Return the prediction that an annotation started from: its parent, else the newest that came before."""
    parent = annotation.get("parent_prediction")
    for prediction in predictions:
        if parent is not None and prediction.get("id") == parent:
            return prediction
    created = str(annotation.get("created_at") or "")
    earlier = [one for one in predictions if str(one.get("created_at") or "") <= created]
    return max(earlier, key=lambda one: str(one.get("created_at") or ""), default=None)


def region_changes(corrected: Sequence[Any], predicted: Sequence[Any]) -> RegionChanges:
    """Compare two results by the ids of their regions, which the editor keeps."""
    before = {str(region.get("id")): region for region in merge_split_regions(predicted)}
    after = {str(region.get("id")): region for region in merge_split_regions(corrected)}
    both = before.keys() & after.keys()
    kept = sum(_is_kept(after[name], before[name]) for name in both)
    return RegionChanges(
        kept=kept,
        changed=len(both) - kept,
        added=len(after.keys() - both),
        deleted=len(before.keys() - both),
    )


def pixel_changes(corrected: LabelMap, predicted: LabelMap, names: Sequence[str]) -> PixelChanges:
    """Compare two label maps (H, W) of the same names."""
    size = len(names) + 1
    pairs = np.bincount(
        corrected.ravel().astype(np.int64) * size + predicted.ravel(), minlength=size * size
    ).reshape(size, size)
    kept = pairs.diagonal()
    unions = pairs.sum(axis=0) + pairs.sum(axis=1) - kept
    overlaps = {
        name: (int(kept[number]), int(unions[number]))
        for number, name in enumerate(names, start=1)
        if unions[number]
    }
    return PixelChanges(corrected.size, int(corrected.size - kept.sum()), overlaps)


def _labels_in(result: Sequence[Any]) -> set[str]:
    return {label for region in merge_split_regions(result) for label in labels_of(region)}


def _is_kept(after: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    return bool(after.get("value") == before.get("value"))
