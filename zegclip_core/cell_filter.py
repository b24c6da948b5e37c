"""The guided filter for labels that compete: its linear functions at the corners of cells of the image.

He, Sun, Tang (TPAMI 2013), with a colour guide. Boxes are several cells wide, so that functions change little
within a cell: they are found at its centre, and interpolated between its corners.
"""

import itertools
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from zegclip_core.refine import GuidedFilterOptions

Map = NDArray[np.float32]
_COLOURS = 3
_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
# The guide is looked at in so many points along each side of a cell.
POINTS = 4
_SMALLEST_CELL = 2
# OpenCV rounds brightness and colour to whole levels.
_ROUNDING = 1 / 255


class Cells:
    """An image in cells, squares of a few pixels.

    Args:
        image: (H, W, 3) uint8.
        points: to which the filter reduces the longer side of the image.

    Attributes:
        side: of a cell, in pixels.
        rows: of cells; the last may reach beyond the image.
        columns: of cells.
        image: (H, W, 3).
        height: of the image.
        width: of the image.
        middle: (3, rows, columns), the middle of the range of brightness and two colours in every cell.
        reach: (3, rows, columns), half the width of that range; both 0..1.

    """

    def __init__(self, image: NDArray[np.uint8], *, points: int) -> None:
        self.image = image
        self.height, self.width = image.shape[:2]
        self.side = max(_SMALLEST_CELL, round(max(self.height, self.width) * POINTS / points))
        self.rows, self.columns = -(-self.height // self.side), -(-self.width // self.side)
        self.middle, self.reach = self._colour_ranges()

    def whole(self) -> NDArray[np.uint8]:
        """Return the image continued to whole cells, (rows * side, columns * side, 3)."""
        below, right = self.rows * self.side - self.height, self.columns * self.side - self.width
        if not below and not right:
            return self.image
        return np.asarray(cv2.copyMakeBorder(self.image, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)

    @property
    def bytes(self) -> int:
        """What they take in memory beside the image."""
        return self.middle.nbytes + self.reach.nbytes

    def _colour_ranges(self) -> tuple[Map, Map]:
        planes = cv2.split(cv2.cvtColor(self.whole(), cv2.COLOR_RGB2YCrCb))
        blocks = (self.rows, self.side, self.columns, self.side)
        ends = np.empty((2, _COLOURS, self.rows, self.columns), np.float32)
        for colour, plane in enumerate(planes):
            for end, extreme in enumerate((np.minimum, np.maximum)):
                columns = extreme.reduce(plane.reshape(blocks), axis=1).reshape(-1, self.side)
                # Pixels first: reduced along them in long rows.
                flat = extreme.reduce(np.ascontiguousarray(columns.T), axis=0)
                ends[end, colour] = flat.reshape(self.rows, self.columns)
        low, high = ends / np.float32(255)
        middle, reach = (low + high) / 2, (high - low) / 2 + np.float32(_ROUNDING)
        middle[1:] -= np.float32(128 / 255)
        return middle, reach


class CellFilter:
    """Finds, for any number of maps, the linear functions of an image's colours that are nearest to them.

    Args:
        cells: the image.
        options: as for the guided filter.
        guide: the image (h, w, 3) float32, 0..1, at another size that is large enough; None reduces it here.

    """

    def __init__(self, cells: Cells, *, options: GuidedFilterOptions, guide: Map | None = None) -> None:
        height, width = cells.height, cells.width
        scale = min(1.0, options.side / max(height, width))
        self._size = (max(1, round(width * scale)), max(1, round(height * scale)))
        # Kept as it comes: levels of 8 bits are a quarter of the size.
        self._reduced = cv2.resize(
            cells.image if guide is None else guide, self._size, interpolation=cv2.INTER_AREA
        )
        self._cells, self._options = cells, options
        side = 2 * max(1, round(options.radius * max(self._size))) + 1
        self._box = (side, side)
        across = np.minimum(np.arange(cells.columns) + 0.5, width / cells.side)
        down = np.minimum(np.arange(cells.rows) + 0.5, height / cells.side)
        cell_width, cell_height = cells.side * self._size[0] / width, cells.side * self._size[1] / height
        self._centres_x, self._centres_y = np.meshgrid(
            (across * cell_width - 0.5).astype(np.float32), (down * cell_height - 0.5).astype(np.float32)
        )
        self._down = _box_weights(cells.rows, height / cells.side, side / cell_height)
        self._across = _box_weights(cells.columns, width / cells.side, side / cell_width)
        small = self._small()
        colours = [np.ascontiguousarray(small[:, :, colour]) for colour in range(_COLOURS)]
        mean = self._mean(small)
        self._colours: list[Map] = list(cv2.split(mean))
        products = [self._mean(colours[i] * colours[j]) for i, j in _PAIRS]
        self._inverse = _inverse_covariance(self._colours, products, options.epsilon)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width at which maps are looked at."""
        return self._size[1], self._size[0]

    @property
    def bytes(self) -> int:
        """What it takes in memory beside the cells."""
        kept = [self._reduced, self._centres_x, self._centres_y, self._down, self._across]
        kept += [*self._colours, *itertools.chain.from_iterable(self._inverse)]
        return sum(array.nbytes for array in {id(array): array for array in kept}.values())

    def reduced(self, times: int) -> "CellFilter":
        """Return the same filter for an image that is looked at at so many times fewer points."""
        options = replace(self._options, side=max(1, max(self._size) // times))
        return CellFilter(self._cells, options=options, guide=self._small())

    def fit(self, maps: Map) -> Map:
        """Return the functions of maps (C, *size) at the cells' corners: slopes for three colours and offset.

        (4, C, rows + 1, columns + 1).
        """
        blurred = np.empty((_COLOURS + 1, len(maps), *self._colours[0].shape), np.float32)
        # Products with a map and a one are all that the map's covariance with the colours needs.
        with_ones = cv2.cvtColor(self._small(), cv2.COLOR_RGB2RGBA)
        for number, values in enumerate(maps):
            products = cv2.multiply(with_ones, cv2.merge([values] * (_COLOURS + 1)))
            blurred[:, number] = np.moveaxis(self._mean(products), 2, 0)
        *with_colours, mean = blurred
        covariance = [with_colours[i] - self._colours[i] * mean for i in range(_COLOURS)]
        functions = blurred
        for i in range(_COLOURS):
            functions[i] = sum(self._inverse[i][j] * covariance[j] for j in range(_COLOURS))
            mean -= functions[i] * self._colours[i]
        at_corners: Map = np.matmul(np.matmul(self._down, functions), self._across.T)
        return at_corners

    def at_centres(self, functions: Map) -> Map:
        """Return the filtered maps at the cells' centres, (C, rows, columns), from what `fit` returned."""
        sums: Map = functions[..., :-1, :] + functions[..., 1:, :]
        sums = sums[..., :-1] + sums[..., 1:]
        colours = self._sampled(self._small())
        values: Map = sums[_COLOURS]
        for colour in range(_COLOURS):
            values += sums[colour] * colours[:, :, colour]
        # Four corners were added up.
        values *= np.float32(1 / 4)
        return values

    def _small(self) -> Map:
        """The image (*size, 3) float32, 0..1."""
        if self._reduced.dtype != np.uint8:
            return np.asarray(self._reduced, np.float32)
        small: Map = np.multiply(self._reduced, np.float32(1 / 255), dtype=np.float32)
        return small

    def _mean(self, values: Map) -> Map:
        """The mean in the box around every cell's centre."""
        return self._sampled(cv2.blur(values, self._box))

    def _sampled(self, values: Map) -> Map:
        sampled: Map = cv2.remap(values, self._centres_x, self._centres_y, cv2.INTER_LINEAR)
        return sampled


def _box_weights(cells: int, extent: float, width: float) -> Map:
    """Weights (cells + 1, cells) of the means over boxes around the cells' corners, mirrored at the ends.

    Args:
        cells: along this side.
        extent: the image's length in cells; the last one may be partly outside.
        width: of the box, in cells.

    """
    places = np.minimum(np.arange(cells + 1.0), extent)[:, None]
    low, high = places - width / 2, places + width / 2
    ends = np.minimum(np.arange(cells + 1.0), extent)
    weights = np.zeros((cells + 1, cells))
    for begin, end in ((low, high), (-high, -low), (2 * extent - high, 2 * extent - low)):
        weights += np.maximum(0, np.minimum(ends[1:], end) - np.maximum(ends[:-1], begin))
    normed: Map = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return normed


def _inverse_covariance(means: list[Map], products: list[Map], epsilon: float) -> list[list[Map]]:
    """The inverse of the colours' covariance (epsilon on its diagonal), entry by entry."""
    # In double precision: on grey images the terms of the determinant nearly cancel.
    entries = {}
    for (i, j), product in zip(_PAIRS, products, strict=True):
        entry = product.astype(np.float64) - means[i].astype(np.float64) * means[j]
        entries[i, j] = entries[j, i] = entry + (epsilon if i == j else 0)
    # It is symmetric, as the covariance is.
    cofactors = {(i, j): _cofactor(entries, i, j) for i, j in _PAIRS}
    determinant = sum(entries[0, j] * cofactors[0, j] for j in range(_COLOURS))
    inverse = {pair: (one / determinant).astype(np.float32) for pair, one in cofactors.items()}
    return [[inverse[min(i, j), max(i, j)] for j in range(_COLOURS)] for i in range(_COLOURS)]


def _cofactor(entries: dict[tuple[int, int], NDArray[np.float64]], i: int, j: int) -> NDArray[np.float64]:
    rows, columns = ((i + 1) % 3, (i + 2) % 3), ((j + 1) % 3, (j + 2) % 3)
    product: NDArray[np.float64] = entries[rows[0], columns[0]] * entries[rows[1], columns[1]]
    return product - entries[rows[0], columns[1]] * entries[rows[1], columns[0]]
