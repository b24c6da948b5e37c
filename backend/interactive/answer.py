"""From the prompts of one task to regions, on the control that fits each prompt best."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.interactive.context import PromptRegion, readable
from backend.interactive.white_masks import white_masks
from backend.label_studio.label_config import Target
from backend.regions.registry import build_regions
from zegclip_core.encoding import EncodedImage
from zegclip_core.prompted_segmentation import best_label, segment_prompts
from zegclip_core.prompting import Prompts
from zegclip_core.segmenter import Segmenter

Encode = Callable[[Target, int | None], EncodedImage]
# Places that stand for a stroke: more say nothing new on a grid of patches.
_PLACES_OF_A_STROKE = 24
# Tools whose regions can have any form come before those that only surround it.
_PREFERENCE = (
    "brushlabels",
    "brush",
    "bitmasklabels",
    "bitmask",
    "polygonlabels",
    "polygon",
    "ellipselabels",
)
_LAST = ("ellipse", "rectanglelabels", "rectangle")


@dataclass(slots=True)
class _Job:
    """What is painted together: one control, one image, any number of labels.

    Attributes:
        target: the control.
        item_index: the image's place in a list.
        prompts: in order.

    """

    target: Target
    item_index: int | None
    prompts: list[PromptRegion]


def answer_prompts(
    prompts: Sequence[PromptRegion], targets: Sequence[Target], *, segmenter: Segmenter, encode: Encode
) -> tuple[list[dict[str, Any]], float]:
    """Return the regions that the prompts ask for, and their mean confidence; nothing when there are none.

    Args:
        prompts: of the request.
        targets: the project's controls for regions.
        segmenter: the loaded model.
        encode: gives the encoded image of a control, and of an item where it shows a list.

    """
    results, scores = list[dict[str, Any]](), list[float]()
    for job in _jobs(prompts, targets):
        encoded = encode(job.target, job.item_index)
        wanted = _by_label(job, segmenter, encoded)
        if not wanted:
            continue
        segmentation = segment_prompts(
            segmenter,
            encoded,
            job.target.labels,
            wanted,
            whole_class=job.target.options.output == "class",
        )
        # What a person has asked for is never too small or too uncertain.
        options = replace(job.target.options, score_threshold=0.0, min_area=0.0)
        own = replace(job.target, options=options)
        if any(prompt.from_name for prompt in job.prompts):
            results += build_regions(own, segmentation, item_index=job.item_index)
        else:
            results += white_masks(own, segmentation, item_index=job.item_index)
        scores.append(segmentation.certainty)
    return results, float(np.mean(scores)) if scores else 0.0


def choose_target(prompt: PromptRegion, targets: Sequence[Target]) -> Target | None:
    """Return the control that a prompt's mask goes to, or None when no control has its label.

    The prompt's own control, if its regions can have any form; else the first such control on the same image
    that shares the label; else any that does.
    """
    fitting = [
        target
        for target in targets
        if prompt.to_name in ("", target.to_name)
        and (not prompt.labels or {*prompt.labels} & {label.name for label in target.labels})
    ]
    order = (*_PREFERENCE, *_LAST)
    any_form = _PREFERENCE[:6]
    return min(
        fitting,
        key=lambda target: (
            not (
                prompt.from_name in (target.from_name, target.labels_name) and target.control_type in any_form
            ),
            order.index(target.control_type) if target.control_type in order else len(order),
        ),
        default=None,
    )


def _jobs(prompts: Sequence[PromptRegion], targets: Sequence[Target]) -> list[_Job]:
    jobs = dict[tuple[str, int | None], _Job]()
    for prompt in prompts:
        target = choose_target(prompt, targets)
        if target is None:
            continue
        item = (prompt.item_index or 0) if target.is_list else None
        jobs.setdefault((target.from_name, item), _Job(target, item, [])).prompts.append(prompt)
    return list(jobs.values())


def _by_label(job: _Job, segmenter: Segmenter, encoded: EncodedImage) -> dict[int, Prompts]:
    """Prompts by the number of the label that they speak of, from 1."""
    height, width = encoded.size
    numbers = {label.name: number for number, label in enumerate(job.target.labels, start=1)}
    read = list(readable(job.prompts, width=width, height=height))
    nameless = [pair for pair in read if not pair[0].labels]
    grouped = dict[int, list[tuple[PromptRegion, Any]]]()
    for prompt, shape in read:
        known = [numbers[name] for name in prompt.labels if name in numbers]
        if known:
            grouped.setdefault(known[0], []).append((prompt, shape))
    if nameless:
        # The newer protocol tells no label: it is the only one prompted, or what the words see at the place.
        number = next(iter(grouped)) if len(grouped) == 1 else None
        if number is None:
            number = best_label(segmenter, encoded, job.target.labels, combine(nameless))
        grouped.setdefault(number, []).extend(nameless)
    found = {number: combine(pairs) for number, pairs in grouped.items()}
    return {number: one for number, one in found.items() if len(one.positive) or one.limit is not None}


def combine(read: Sequence[tuple[PromptRegion, Any]]) -> Prompts:
    """Put the prompts of one label together.

    Points and places of strokes say yes or no. Outlines bound the label, all of them together, unless a
    positive place lies outside. A negative outline says no along its inside.
    """
    places: dict[bool, list[NDArray[np.float64]]] = {True: [], False: []}
    limit: NDArray[np.bool_] | None = None
    for prompt, shape in read:
        if prompt.kind == "point":
            places[prompt.is_positive].append(np.array([shape], np.float64))
        elif prompt.kind == "outline" and prompt.is_positive:
            limit = shape if limit is None else limit | shape
        else:
            places[prompt.is_positive].append(spread(shape))
    positive, negative = (np.concatenate([np.empty((0, 2)), *places[yes]]) for yes in (True, False))
    if limit is not None and not (limit.any() and all(_inside(limit, positive))):
        limit = None
    return Prompts(positive=positive, negative=negative, limit=limit)


def spread(mask: NDArray[np.bool_], *, most: int = _PLACES_OF_A_STROKE) -> NDArray[np.float64]:
    """Return at most `most` places (n, 2), x and y in fractions, evenly through the pixels of a mask."""
    rows, columns = np.nonzero(mask)
    chosen = np.unique(np.linspace(0, max(len(rows) - 1, 0), min(most, len(rows))).round().astype(np.intp))
    height, width = mask.shape
    return np.stack([(columns[chosen] + 0.5) / width, (rows[chosen] + 0.5) / height], axis=-1)


def _inside(limit: NDArray[np.bool_], places: NDArray[np.float64]) -> Iterator[bool]:
    height, width = limit.shape
    for x, y in np.clip(places, 0.0, 1.0):
        yield bool(limit[min(int(y * height), height - 1), min(int(x * width), width - 1)])
