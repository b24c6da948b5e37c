"""Clicks correct a label's mask: Gaussian process regression with the words' log-odds as its prior mean.

What the model makes of the words is the belief before anybody has clicked. A click is an observation of the
label's log-odds at one place; it carries over to places that look alike to the tower, lie near, and have the
same colour, as the kernel says (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, 2.7).
Nothing is trained and nothing is encoded again, so that a click takes milliseconds.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from zegclip_core.errors import ShapeError
from zegclip_core.prompt_kernel import PromptKernel, Reach
from zegclip_core.refine import GuidedFilter, GuidedFilterOptions

Map = NDArray[np.float32]
# Log-odds of the only label that there is.
_SURE = 10.0
# What a place loses in log-odds at the edge of a limit, and how far seeds lie apart (share of a side).
_PULL_OF_THE_MIDDLE = 4.0
_APART = 0.07


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """What a person has pointed at.

    Attributes:
        positive: (n, 2), places that show the label, as x and y in fractions of width and height.
        negative: (m, 2), places that do not.
        limit: (H, W) at any size, where the label may be at all; None for everywhere.

    """

    positive: NDArray[np.float64]
    negative: NDArray[np.float64]
    limit: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        for name in ("positive", "negative"):
            points = getattr(self, name)
            if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
                raise ShapeError(f"{name} prompts of shape {points.shape}: expected (n, 2) finite numbers")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptingOptions:
    """What a click says; chosen on training images by simulated clicks (`benchmarks/clicks.py`).

    Attributes:
        side: longer side of the grid on which log-odds are kept.
        certain: log-odds that a click stands for.
        prior_limit: the words' log-odds are cut off here, so that a click can outweigh them.
        noise: variance of what a click says.
        seeds: places that stand for a limit without any positive place.
        reach: to which other places a click carries over.
        guided_filter: how the mask follows the image's edges.

    """

    side: int = 96
    certain: float = 3.0
    prior_limit: float = 3.0
    noise: float = 0.3
    seeds: int = 5
    reach: Reach = field(default_factory=Reach)
    guided_filter: GuidedFilterOptions = field(
        default_factory=lambda: GuidedFilterOptions(radius=0.03, epsilon=1e-4)
    )


def prompted_probability(
    features: Map,
    logits: Map,
    number: int,
    image: NDArray[np.uint8],
    prompts: Prompts,
    *,
    options: PromptingOptions | None = None,
    guided: GuidedFilter | None = None,
) -> Map:
    """Return the probability (H, W) of one label at the size of `image`, given the prompts.

    Args:
        features: (D, h, w), unit length along D, of every patch.
        logits: (C, h, w) of all labels that compete, on the scale that softmax needs.
        number: the label, 0 to C - 1.
        image: (H, W, 3) uint8, which gives colours and edges.
        prompts: places and limits; coordinates beyond the image count as its edge.
        options: how far a prompt reaches.
        guided: the image's filter by the options, where it is at hand.

    """
    options = options or PromptingOptions()
    size = _grid_size(image, options.side)
    beliefs = words_log_odds(logits, number, size)
    positive = prompts.positive
    if prompts.limit is not None and not len(positive):
        positive = seed_places(beliefs, prompts.limit, count=options.seeds)
    log_odds: Map = np.clip(beliefs, -options.prior_limit, options.prior_limit)
    points = np.clip(np.concatenate([positive, prompts.negative]), 0.0, 1.0)
    if len(points):
        kernel = PromptKernel(features, image, size, points, reach=options.reach)
        log_odds = _posterior(log_odds, kernel, len(positive), options)
    sigmoid: Map = np.reciprocal(1 + np.exp(-log_odds))
    probability = _resized(sigmoid, (image.shape[1], image.shape[0]))
    guided = guided or GuidedFilter(image, options=options.guided_filter)
    probability = guided.filter(probability)
    if prompts.limit is not None:
        inside = cv2.resize(
            prompts.limit.astype(np.uint8), (image.shape[1], image.shape[0]), interpolation=cv2.INTER_NEAREST
        )
        probability = np.where(inside > 0, probability, np.float32(0))
    return np.clip(probability, 0, 1)


def _posterior(prior: Map, kernel: PromptKernel, positives: int, options: PromptingOptions) -> Map:
    """Log-odds (h, w) after the prompts, of which the first `positives` show the label."""
    expected = prior[kernel.rows, kernel.columns].astype(np.float64)
    says_yes = np.arange(len(expected)) < positives
    # Where the words are surer than a click already, the click has nothing to add.
    observed = np.where(
        says_yes, np.maximum(expected, options.certain), np.minimum(expected, -options.certain)
    )
    among = kernel.among_prompts().astype(np.float64) + options.noise * np.eye(len(expected))
    weights = np.linalg.solve(among, observed - expected).astype(np.float32)
    posterior: Map = prior + np.einsum("n,nhw->hw", weights, kernel.to_places())
    return posterior


def words_log_odds(logits: Map, number: int, size: tuple[int, int]) -> Map:
    """Return the words' log-odds (h, w) of a label against all others together; `_SURE` without any other."""
    scores = np.stack([_resized(one, (size[1], size[0])) for one in logits])
    others = np.delete(scores, number, axis=0)
    if not len(others):
        return np.full(size, _SURE, np.float32)
    highest = others.max(axis=0)
    odds: Map = scores[number] - highest - np.log(np.exp(others - highest).sum(axis=0))
    return odds


def seed_places(log_odds: Map, limit: NDArray[np.bool_], *, count: int) -> NDArray[np.float64]:
    """Return places (n, 2) inside a limit that the words and its middle speak for, apart from each other.

    A person who draws a box says that the label fills most of it: these places stand for that.
    """
    height, width = log_odds.shape
    inside = cv2.resize(limit.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0
    rows, columns = np.nonzero(inside)
    if not len(rows):
        return np.empty((0, 2))
    high, wide = max(1, np.ptp(rows)), max(1, np.ptp(columns))
    from_middle = ((rows - rows.mean()) / high) ** 2 + ((columns - columns.mean()) / wide) ** 2
    worth = log_odds[inside] - _PULL_OF_THE_MIDDLE * from_middle
    apart = max(height, width) * _APART
    places = []
    for _ in range(count):
        best = int(np.argmax(worth))
        if not np.isfinite(worth[best]):
            break
        places.append(((columns[best] + 0.5) / width, (rows[best] + 0.5) / height))
        close = (np.abs(rows - rows[best]) <= apart) & (np.abs(columns - columns[best]) <= apart)
        worth[close] = -np.inf
    return np.array(places)


def _grid_size(image: NDArray[np.uint8], side: int) -> tuple[int, int]:
    scale = side / max(image.shape[:2])
    return max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale))


def _resized(values: Map, size: tuple[int, int]) -> Map:
    resized: Map = cv2.resize(
        np.ascontiguousarray(values, dtype=np.float32), size, interpolation=cv2.INTER_LINEAR
    )
    return resized
