"""How much one place of an image tells about another: alike to the tower, near, of the same colour."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far what is known of a place carries.

    Attributes:
        alike: amplitude of the reach to alike places in the neighbourhood.
        everywhere: amplitude of the reach to alike places anywhere.
        near: amplitude of the reach to places very near of the same colour, whatever the tower makes of them.
        likeness: difference of cosine over which likeness falls by e.
        neighbourhood: standard deviation of `alike` in fractions of the longer side.
        nearness: standard deviation of `near` in fractions of the longer side.
        colour: standard deviation of `near` in CIELAB, all channels on the scale 0..1.

    """

    alike: float = 6.0
    everywhere: float = 1.0
    near: float = 4.0
    likeness: float = 0.1
    neighbourhood: float = 0.2
    nearness: float = 0.05
    colour: float = 0.15


class PromptKernel:
    """Covariances between prompts and places.

    Args:
        features: (D, h, w) of every patch.
        image: gives the colours.
        size: height and width of the grid of places.
        points: (n, 2), x and y of the prompts in fractions.
        reach: amplitudes and lengths.

    Attributes:
        rows: the cell of each prompt on the grid.
        columns: the same, across.

    """

    def __init__(
        self,
        features: Map,
        image: NDArray[np.uint8],
        size: tuple[int, int],
        points: NDArray[np.float64],
        *,
        reach: Reach,
    ) -> None:
        height, width = size
        self._reach = reach
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
        reach = self._reach
        alike = np.exp(np.minimum(cosine - 1, 0) / reach.likeness)
        neighbourhood = np.exp(-distance / (2 * reach.neighbourhood**2))
        near = np.exp(-distance / (2 * reach.nearness**2) - colour / (2 * reach.colour**2))
        covariance: Map = alike * (reach.alike * neighbourhood + reach.everywhere) + reach.near * near
        return covariance


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


def _resized(values: Map, size: tuple[int, int]) -> Map:
    resized: Map = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)
    return resized
