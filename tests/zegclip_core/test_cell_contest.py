"""Winners of cells and pixels, against every label computed at every pixel."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from zegclip_core.cell_contest import contest
from zegclip_core.cell_filter import Cells

Map = NDArray[np.float32]


def photo(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Areas with soft edges, fine detail in some of them."""
    rng = np.random.default_rng(seed)
    areas = cv2.resize(rng.integers(0, 256, (5, 6, 3), np.uint8), (width, height))
    detail = rng.normal(0, 25, areas.shape) * (areas[:, :, :1] > 128)
    return np.clip(areas + detail, 0, 255).astype(np.uint8)


def functions(cells: Cells, labels: int, seed: int) -> Map:
    """Smooth linear functions of the colours, as the filter's are."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 1, (4, 4, 4, labels)) * np.array([2, 3, 2, 0.6])[:, None, None, None]
    size = (cells.columns + 1, cells.rows + 1)
    planes = [[cv2.resize(coarse[plane, :, :, label], size) for label in range(labels)] for plane in range(4)]
    return np.array(planes, np.float32)


def at_every_pixel(found: Map, cells: Cells, image: NDArray[np.uint8]) -> Map:
    """The functions interpolated between the corners, times the colours: (H, W, C)."""
    height, width = image.shape[:2]
    y, x = (np.arange(height) + 0.5) / cells.side, (np.arange(width) + 0.5) / cells.side
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    down, right = (y - top)[:, None, None], (x - left)[None, :, None]
    planes = []
    for plane in np.moveaxis(found, 1, -1):
        upper = plane[top][:, left] * (1 - right) + plane[top][:, left + 1] * right
        lower = plane[top + 1][:, left] * (1 - right) + plane[top + 1][:, left + 1] * right
        planes.append(upper * (1 - down) + lower * down)
    return sum(planes[i] * (image[:, :, i, None] / 255.0) for i in range(3)) + planes[3]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [(90, 130), (257, 250)])
def test_the_winner_is_the_highest_of_all_labels_at_every_pixel(size: tuple[int, int], seed: int) -> None:
    image = photo(*size, seed)
    cells = Cells(image, points=64)
    found = functions(cells, 7, seed)
    winner, _ = contest(found, np.arange(7, dtype=np.uint16), cells)
    values = at_every_pixel(found, cells, image)
    own = np.take_along_axis(values, winner[:, :, None].astype(int), axis=2)[:, :, 0]
    # Where two are equal but for rounding, either may win.
    np.testing.assert_allclose(own, values.max(axis=2), atol=1e-4)


def test_most_cells_of_an_image_with_clear_areas_are_not_looked_at() -> None:
    image = np.zeros((256, 256, 3), np.uint8)
    image[:, 128:] = 255
    cells = Cells(image, points=64)
    found = np.zeros((4, 2, cells.rows + 1, cells.columns + 1), np.float32)
    found[0, 0], found[0, 1], found[3, 1] = 1.0, -1.0, 1.0
    winner, best = contest(found, np.array([5, 9], np.uint16), cells)
    assert (winner[:, :128] == 9).all()
    assert (winner[:, 128:] == 5).all()
    np.testing.assert_allclose(best, 1.0, atol=1e-5)


def test_where_several_labels_have_a_chance_the_probability_is_the_pixels_own() -> None:
    image = photo(64, 64, 3)
    cells = Cells(image, points=64)
    found = functions(cells, 2, 5)
    found[:, 1] = -found[:, 0]
    found[3] += 0.5
    _, best = contest(found, np.arange(2, dtype=np.uint16), cells, threshold=2.0)
    expected = np.clip(at_every_pixel(found, cells, image).max(axis=2), 0, 1)
    np.testing.assert_allclose(best, expected, atol=1e-4)


def test_above_the_threshold_and_below_it_is_told_pixel_by_pixel() -> None:
    image = photo(128, 128, 4)
    cells = Cells(image, points=32)
    found = functions(cells, 1, 1) / 4
    found[3] += 0.5
    _, best = contest(found, np.zeros(1, np.uint16), cells, threshold=0.6)
    expected = at_every_pixel(found, cells, image)[:, :, 0]
    told_apart = np.abs(expected - 0.6) > 1e-4
    np.testing.assert_array_equal((best < 0.6)[told_apart], (expected < 0.6)[told_apart])
