"""The guided filter's functions at the corners of cells, against the filter itself."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from zegclip_core.cell_filter import CellFilter, Cells
from zegclip_core.refine import GuidedFilter, GuidedFilterOptions

OPTIONS = GuidedFilterOptions()


def photo(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    areas = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    return np.asarray(cv2.resize(areas, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def blobs(size: tuple[int, int], count: int = 2, seed: int = 1) -> NDArray[np.float32]:
    coarse = np.random.default_rng(seed).random((count, 6, 8)).astype(np.float32)
    return np.stack([cv2.resize(one, size[::-1]) for one in coarse])


@pytest.mark.parametrize("size", [(256, 256), (300, 400), (683, 1024), (90, 60)])
def test_functions_are_those_of_the_guided_filter(size: tuple[int, int]) -> None:
    image = photo(*size)
    cells = Cells(image, points=OPTIONS.side)
    guided = CellFilter(cells, options=OPTIONS)
    maps = blobs(guided.size)
    found = guided.at_centres(guided.fit(maps))
    exact = GuidedFilter(image, options=OPTIONS)
    for label, values in enumerate(maps):
        expected = cv2.resize(exact.filter(values), (cells.columns, cells.rows), interpolation=cv2.INTER_AREA)
        # The last cells may reach beyond the image.
        np.testing.assert_allclose(found[label, :-1, :-1], expected[:-1, :-1], atol=0.05)
        assert np.abs(found[label, :-1, :-1] - expected[:-1, :-1]).mean() < 0.006


def test_a_map_that_is_a_linear_function_of_the_colours_has_that_function() -> None:
    image = photo(256, 192)
    cells = Cells(image, points=OPTIONS.side)
    guided = CellFilter(cells, options=GuidedFilterOptions(epsilon=1e-7))
    values = image.astype(np.float32) @ np.array([0.5, -0.25, 0.125], np.float32) / 255 + np.float32(0.3)
    functions = guided.fit(values[None])
    for plane, expected in enumerate((0.5, -0.25, 0.125, 0.3)):
        np.testing.assert_allclose(functions[plane], expected, atol=0.01)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (700, 3), (513, 300), (1024, 611)])
def test_any_size_has_finite_functions_at_its_cells_corners(size: tuple[int, int]) -> None:
    cells = Cells(photo(*size), points=OPTIONS.side)
    assert cells.rows * cells.side >= size[0] > (cells.rows - 1) * cells.side
    guided = CellFilter(cells, options=OPTIONS)
    functions = guided.fit(blobs(guided.size, 3))
    assert functions.shape == (4, 3, cells.rows + 1, cells.columns + 1)
    assert np.isfinite(functions).all()


def test_an_image_of_one_colour_gives_back_the_boxes_means() -> None:
    cells = Cells(np.full((128, 128, 3), 77, np.uint8), points=OPTIONS.side)
    guided = CellFilter(cells, options=OPTIONS)
    functions = guided.fit(np.full((1, *guided.size), 0.3, np.float32))
    np.testing.assert_allclose(guided.at_centres(functions), 0.3, atol=1e-3)


def test_a_reduced_filter_looks_at_fewer_points_for_nearly_the_same() -> None:
    cells = Cells(photo(300, 400), points=OPTIONS.side)
    guided = CellFilter(cells, options=OPTIONS)
    rough = guided.reduced(4)
    assert rough.size == (48, 64)
    fine = guided.at_centres(guided.fit(blobs(guided.size)))
    assert np.abs(rough.at_centres(rough.fit(blobs(rough.size))) - fine).mean() < 0.01
