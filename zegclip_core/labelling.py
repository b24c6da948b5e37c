"""From scores on the patch grid to a label map at the image's size, one label after the other."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from zegclip_core.cell_contest import contest
from zegclip_core.components import absorb_specks
from zegclip_core.image_edges import EdgeGuide, ImageEdges
from zegclip_core.refine import GuidedFilterOptions
from zegclip_core.runs import Runs

# A label that is nowhere more probable than this cannot win a pixel.
_NEGLIGIBLE = 0.02
# Bounds the memory of label sets with hundreds of words; no image shows more kinds of things than this.
_MOST_CANDIDATES = 64
_LEVELS = 255
# Fine detail of the image can turn a small lead, but not make up for half of the winner's probability.
_NO_CHANCE = 0.5
Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabellingOptions:
    """From probabilities to masks.

    Attributes:
        working_side: longer side in pixels at which labels compete; larger images are scaled up afterwards.
        refine: whether probabilities follow the image's edges.
        guided_filter: how they do.
        threshold: pixels whose best label is less probable stay unpainted.
        min_area: components below this fraction of the image take the label around them.

    """

    working_side: int = 1024
    refine: bool = True
    guided_filter: GuidedFilterOptions = field(default_factory=GuidedFilterOptions)
    threshold: float = 0.0
    min_area: float = 0.0005


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Softmax over the first axis of (C, h, w)."""
    shifted = np.exp(logits - logits.max(axis=0))
    probabilities: NDArray[np.float32] = shifted / shifted.sum(axis=0)
    return probabilities


def certainty(probabilities: NDArray[np.float32]) -> float:
    """Return 1 - mean entropy / log C of (C, h, w); 1 when there is one class only."""
    classes = len(probabilities)
    if classes < 2:
        return 1.0
    logarithms = np.log(np.clip(probabilities, 1e-12, 1))
    entropy = -(probabilities * logarithms).sum(axis=0).mean()
    return float(np.clip(1 - entropy / np.log(classes), 0, 1))


def working_size(height: int, width: int, working_side: int) -> tuple[int, int]:
    """Return height and width with the longer side at most `working_side`."""
    scale = min(1.0, working_side / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def compete(
    logits: NDArray[np.float32], edges: ImageEdges, *, options: LabellingOptions
) -> tuple[NDArray[np.uint16], NDArray[np.float32]]:
    """Let the classes compete at the image's size.

    Args:
        logits: (C, h, w) on the patch grid.
        edges: the image (H, W, 3) at the working size.
        options: how probabilities become masks.

    Returns the winner of every pixel (H, W) as an index into the classes, and its probability (H, W).

    """
    highest = softmax(logits).reshape(len(logits), -1).max(axis=1)
    strongest = np.argsort(-highest, kind="stable")[:_MOST_CANDIDATES]
    candidates = np.sort(strongest[highest[strongest] >= min(_NEGLIGIBLE, highest.max())])
    if options.refine:
        return _compete_along_edges(
            logits, candidates, edges.guide(options.guided_filter), threshold=options.threshold
        )
    winner = np.zeros(edges.image.shape[:2], np.uint16)
    best = np.full(winner.shape, -1, np.float32)
    for index, probability in zip(candidates, _probabilities(logits[candidates], *best.shape), strict=True):
        np.copyto(winner, np.uint16(index), where=probability > best)
        np.maximum(best, probability, out=best)
    return winner, np.clip(best, 0, 1)


def _compete_along_edges(
    logits: Map, candidates: NDArray[np.intp], guide: EdgeGuide, *, threshold: float
) -> tuple[NDArray[np.uint16], Map]:
    """As `compete`, between candidates whose probabilities follow the image's edges."""
    # A rough look, at one point of each cell, tells which classes have a chance anywhere.
    rough = guide.rough
    seen = rough.at_centres(rough.fit(_small_probabilities(logits[candidates], *rough.size)))
    chance = (seen >= _NO_CHANCE * seen.max(axis=0)).any(axis=(1, 2))
    functions = guide.fine.fit(_small_probabilities(logits[candidates], *guide.fine.size)[chance])
    names = candidates[chance].astype(np.uint16)
    return contest(functions, names, guide.cells, threshold=threshold)


def _probabilities(logits: Map, height: int, width: int) -> Iterator[Map]:
    """Softmax at (height, width) over the classes of logits (C, h, w), class by class."""
    resized = [_resize(scores, width, height) for scores in logits]
    normaliser = _logsumexp(resized)
    for scores in resized:
        yield np.exp(scores - normaliser)


def _small_probabilities(logits: Map, height: int, width: int) -> Map:
    """Softmax at (height, width) over the classes of logits (C, h, w), all classes at once."""
    scores = np.stack([_resize(one, width, height) for one in logits])
    scores -= scores.max(axis=0)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=0)
    return scores


def levels_of_winners(winner: NDArray[np.uint16], best: Map) -> dict[int, NDArray[np.uint8]]:
    """Return what `scale_up` needs of a contest: for each winner the best probability as levels 0..255."""
    levels = np.asarray(cv2.convertScaleAbs(best, alpha=_LEVELS), np.uint8)
    return dict.fromkeys(_present(winner), levels)


def scale_up(
    winner: NDArray[np.uint16], kept: dict[int, NDArray[np.uint8]], height: int, width: int
) -> NDArray[np.uint16]:
    """Bring a winner map (h, w) to (height, width) with smooth edges between the labels that won anywhere."""
    present = _present(winner)
    result = np.full((height, width), present[0], np.uint16)
    best: NDArray[np.uint8] | None = None
    for index in present:
        # Where a speck was absorbed or a threshold spoke, the winner map knows better than the probability.
        support = cv2.bitwise_and(kept[index], kept[index], mask=(winner == index).astype(np.uint8))
        support = np.maximum(support, (winner == index).astype(np.uint8))
        wide = cv2.resize(support, (width, height), interpolation=cv2.INTER_LINEAR)
        if best is None:
            best = wide
            continue
        better = wide > best
        result[better] = index
        np.maximum(best, wide, out=best)
    return result


def _present(winner: NDArray[np.uint16]) -> list[int]:
    return [int(index) for index in np.flatnonzero(np.bincount(winner.ravel()))]


def speck_area(options: LabellingOptions, height: int, width: int) -> int:
    """Return the smallest component in pixels that stays."""
    return round(options.min_area * height * width)


def clean(winner: NDArray[np.uint16], options: LabellingOptions) -> tuple[NDArray[np.uint16], Runs]:
    """Remove specks by the options' smallest area; returns the map and its runs."""
    return absorb_specks(winner, min_area=speck_area(options, *winner.shape))


def _logsumexp(maps: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    highest = maps[0].copy()
    for scores in maps[1:]:
        np.maximum(highest, scores, out=highest)
    total = np.zeros_like(highest)
    for scores in maps:
        total += np.exp(scores - highest)
    normaliser: NDArray[np.float32] = highest + np.log(total)
    return normaliser


def _resize(scores: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    resized: NDArray[np.float32] = cv2.resize(
        np.ascontiguousarray(scores, np.float32), (width, height), interpolation=cv2.INTER_LINEAR
    )
    return resized
