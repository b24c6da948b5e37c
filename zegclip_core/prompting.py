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
from zegclip_core.refine import GuidedFilter, GuidedFilterOptions

Map = NDArray[np.float32]


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
    """How far a click reaches; chosen on training images by simulated clicks (`benchmarks/clicks.py`).

    Attributes:
        side: longer side of the grid on which log-odds are kept.
        certain: log-odds that a click stands for.
        prior_limit: the words' log-odds are cut off here, so that a click can outweigh them.
        alike: amplitude of the reach to alike places in the neighbourhood.
        everywhere: amplitude of the reach to alike places anywhere.
        near: amplitude of the reach to places very near of the same colour, whatever the tower makes of them.
        likeness: difference of cosine over which likeness falls by e.
        neighbourhood: standard deviation of `alike` in fractions of the longer side.
        nearness: standard deviation of `near` in fractions of the longer side.
        colour: standard deviation of `near` in CIELAB, all channels on the scale 0..1.
        noise: variance of what a click says.
        guided_filter: how the mask follows the image's edges.

    """

    side: int = 96
    certain: float = 3.0
    prior_limit: float = 4.0
    alike: float = 6.0
    everywhere: float = 1.0
    near: float = 4.0
    likeness: float = 0.1
    neighbourhood: float = 0.2
    nearness: float = 0.05
    colour: float = 0.15
    noise: float = 0.3
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
) -> Map:
    """Return the probability (H, W) of one label at the size of `image`, given the prompts.

    Args:
        features: (D, h, w), unit length along D, of every patch.
        logits: (C, h, w) of all labels that compete, on the scale that softmax needs.
        number: the label, 0 to C - 1.
        image: (H, W, 3) uint8, which gives colours and edges.
        prompts: places and limits; coordinates beyond the image count as its edge.
        options: how far a prompt reaches.

    """
    options = options or PromptingOptions()
    size = _grid_size(image, options.side)
    log_odds = _prior(logits, number, size, options.prior_limit)
    points = np.clip(np.concatenate([prompts.positive, prompts.negative]), 0.0, 1.0)
    if len(points):
        kernel = _Kernel(features, image, size, points, options)
        log_odds = _posterior(log_odds, kernel, len(prompts.positive), options)
    sigmoid: Map = np.reciprocal(1 + np.exp(-log_odds))
    probability = _resized(sigmoid, (image.shape[1], image.shape[0]))
    probability = GuidedFilter(image, options=options.guided_filter).filter(probability)
    if prompts.limit is not None:
        inside = cv2.resize(
            prompts.limit.astype(np.uint8), (image.shape[1], image.shape[0]), interpolation=cv2.INTER_NEAREST
        )
        probability = np.where(inside > 0, probability, np.float32(0))
    return np.clip(probability, 0, 1)


class _Kernel:
    """Covariances between prompts and places.

    Args:
        features: (D, h, w) of every patch.
        image: gives the colours.
        size: height and width of the grid of places.
        points: (n, 2), x and y of the prompts in fractions.
        options: amplitudes and reaches.

    """

    def __init__(
        self,
        features: Map,
        image: NDArray[np.uint8],
        size: tuple[int, int],
        points: NDArray[np.float64],
        options: PromptingOptions,
    ) -> None:
        height, width = size
        self._options = options
        self._colours = _lab(image, size)
        self._places = _places(height, width)
        self.rows = np.minimum((points[:, 1] * height).astype(np.intp), height - 1)
        self.columns = np.minimum((points[:, 0] * width).astype(np.intp), width - 1)
        prompt_features = _sample(features, points)
        cosines = np.einsum("nd,dhw->nhw", prompt_features, features)
        self._to_places = np.stack([_resized(cosine, (width, height)) for cosine in cosines])
        self._among = prompt_features @ prompt_features.T

    def to_places(self) -> Map:
        """Covariances (n, h, w) of every prompt and place."""
        colours = self._colours[self.rows, self.columns][:, None, None]
        places = self._places[self.rows, self.columns][:, None, None]
        return self._covariance(
            self._to_places,
            ((self._places - places) ** 2).sum(axis=-1),
            ((self._colours - colours) ** 2).sum(axis=-1),
        )

    def among_prompts(self) -> Map:
        """Covariances (n, n) of the prompts."""
        colours = self._colours[self.rows, self.columns]
        places = self._places[self.rows, self.columns]
        return self._covariance(
            self._among,
            ((places[:, None] - places) ** 2).sum(axis=-1),
            ((colours[:, None] - colours) ** 2).sum(axis=-1),
        )

    def _covariance(self, cosine: Map, distance: Map, colour: Map) -> Map:
        """From cosines and squared distances in the image and in colour."""
        options = self._options
        alike = np.exp(np.minimum(cosine - 1, 0) / options.likeness)
        neighbourhood = np.exp(-distance / (2 * options.neighbourhood**2))
        near = np.exp(-distance / (2 * options.nearness**2) - colour / (2 * options.colour**2))
        covariance: Map = alike * (options.alike * neighbourhood + options.everywhere) + options.near * near
        return covariance


def _posterior(prior: Map, kernel: _Kernel, positives: int, options: PromptingOptions) -> Map:
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


def _prior(logits: Map, number: int, size: tuple[int, int], limit: float) -> Map:
    """The words' log-odds (h, w) of a label against all others together."""
    scores = np.stack([_resized(one, (size[1], size[0])) for one in logits])
    others = np.delete(scores, number, axis=0)
    if not len(others):
        return np.full(size, limit, np.float32)
    highest = others.max(axis=0)
    rivals = highest + np.log(np.exp(others - highest).sum(axis=0))
    odds: Map = np.clip(scores[number] - rivals, -limit, limit)
    return odds


def _sample(features: Map, points: NDArray[np.float64]) -> Map:
    """Features (n, D), unit length, at places between the patches."""
    _, height, width = features.shape
    across = np.clip(points[:, 0] * width - 0.5, 0, width - 1)
    down = np.clip(points[:, 1] * height - 0.5, 0, height - 1)
    left, top = across.astype(np.intp), down.astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    x, y = (across - left).astype(np.float32), (down - top).astype(np.float32)
    upper = features[:, top, left] * (1 - x) + features[:, top, right] * x
    lower = features[:, bottom, left] * (1 - x) + features[:, bottom, right] * x
    sampled = (upper * (1 - y) + lower * y).T
    unit: Map = sampled / np.maximum(np.linalg.norm(sampled, axis=1, keepdims=True), 1e-6)
    return unit


def _lab(image: NDArray[np.uint8], size: tuple[int, int]) -> Map:
    small = cv2.resize(image, (size[1], size[0]), interpolation=cv2.INTER_AREA)
    colours: Map = cv2.cvtColor(small, cv2.COLOR_RGB2LAB).astype(np.float32) / np.float32(255)
    return colours


def _places(height: int, width: int) -> Map:
    """Centres (h, w, 2) of the grid's cells in fractions of the longer side."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    return (np.stack([columns, rows], axis=-1) + np.float32(0.5)) / np.float32(max(height, width))


def _grid_size(image: NDArray[np.uint8], side: int) -> tuple[int, int]:
    scale = side / max(image.shape[:2])
    return max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale))


def _resized(values: Map, size: tuple[int, int]) -> Map:
    resized: Map = cv2.resize(
        np.ascontiguousarray(values, dtype=np.float32), size, interpolation=cv2.INTER_LINEAR
    )
    return resized
