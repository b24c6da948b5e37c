"""The guided filter, against its definition computed box by box."""

import numpy as np
import pytest
from numpy.typing import NDArray

from zegclip_core.refine import GuidedFilter, GuidedFilterOptions

Array = NDArray[np.float64]


def boxes(values: Array, radius: int) -> list[Array]:
    """All values in the box around each pixel, mirrored at the border without repeating the edge pixel."""
    padded = np.pad(values, ((radius, radius), (radius, radius), (0, 0)), mode="reflect")
    side = 2 * radius + 1
    height, width = values.shape[:2]
    return [
        padded[row : row + side, column : column + side].reshape(side * side, -1)
        for row in range(height)
        for column in range(width)
    ]


def guided_filter(guide: Array, values: Array, radius: int, epsilon: float) -> Array:
    """He, Sun, Tang (TPAMI 2013), equations 14 to 16: a linear function of the colours in every box."""
    height, width = values.shape
    slopes = np.empty((height * width, 3))
    offsets = np.empty(height * width)
    for place, (colours, inside) in enumerate(
        zip(boxes(guide, radius), boxes(values[:, :, None], radius), strict=True)
    ):
        covariance = np.cov(colours.T, bias=True) + epsilon * np.eye(3)
        with_values = ((colours - colours.mean(0)) * (inside - inside.mean())).mean(0)
        slopes[place] = np.linalg.solve(covariance, with_values)
        offsets[place] = inside.mean() - slopes[place] @ colours.mean(0)
    linear = np.concatenate([slopes, offsets[:, None]], axis=1).reshape(height, width, 4)
    mean = np.array([box.mean(axis=0) for box in boxes(linear, radius)])
    return (mean[:, :3] * guide.reshape(-1, 3)).sum(1).reshape(height, width) + mean[:, 3].reshape(
        height, width
    )


def noise(*shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("epsilon", [1e-3, 1e-1])
def test_filter_is_the_papers_formula(epsilon: float) -> None:
    guide = noise(18, 24, 3)
    values = noise(18, 24, seed=1).astype(np.float32) / 255
    options = GuidedFilterOptions(radius=3 / 24, epsilon=epsilon, side=24)
    expected = guided_filter(guide / 255.0, values.astype(np.float64), 3, epsilon)
    filtered = GuidedFilter(guide, options=options).filter(values)
    np.testing.assert_allclose(filtered, expected, atol=2e-3)


def test_a_blurred_edge_moves_to_the_images_edge() -> None:
    guide = np.zeros((64, 64, 3), np.uint8)
    guide[:, 30:] = 255
    blurred = np.tile(np.clip((np.arange(64) - 20) / 24, 0, 1).astype(np.float32), (64, 1))
    filtered = GuidedFilter(guide, options=GuidedFilterOptions(side=64)).filter(blurred)
    assert np.abs(np.diff(filtered[32])).argmax() == 29
    assert filtered[32, 30] - filtered[32, 29] > 3 * (blurred[32, 30] - blurred[32, 29])


def test_a_constant_map_stays_what_it_is() -> None:
    filtered = GuidedFilter(noise(40, 30, 3), options=GuidedFilterOptions()).filter(
        np.full((40, 30), 0.3, np.float32)
    )
    np.testing.assert_allclose(filtered, 0.3, atol=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (700, 3), (513, 300)])
def test_any_size_is_filtered_at_its_size(size: tuple[int, int]) -> None:
    values = np.full(size, 0.5, np.float32)
    filtered = GuidedFilter(noise(*size, 3), options=GuidedFilterOptions()).filter(values)
    assert filtered.shape == size
    assert filtered.dtype == np.float32
    assert np.isfinite(filtered).all()


def test_an_image_of_one_colour_gives_finite_values() -> None:
    guide = np.full((50, 50, 3), 77, np.uint8)
    filtered = GuidedFilter(guide, options=GuidedFilterOptions()).filter(
        noise(50, 50).astype(np.float32) / 255
    )
    assert np.isfinite(filtered).all()
