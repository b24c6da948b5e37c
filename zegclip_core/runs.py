"""A label map as runs: pixels of one row that follow each other and have the same label."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a label map, in reading order.

    Attributes:
        starts: (n,) flat indices of their first pixels.
        labels: (n,) their labels.
        shape: height and width of the map.

    """

    starts: NDArray[np.intp]
    labels: NDArray[np.uint16]
    shape: tuple[int, int]

    @property
    def lengths(self) -> NDArray[np.intp]:
        """Their lengths in pixels, (n,)."""
        return np.diff(self.starts, append=self.shape[0] * self.shape[1])

    def places(self, chosen: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the flat indices of all pixels of chosen runs, run by run."""
        lengths = self.lengths[chosen]
        before = np.cumsum(lengths) - lengths
        return np.repeat(self.starts[chosen] - before, lengths) + np.arange(lengths.sum())

    def fill(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return a map (H, W) that has in each run the value (n,) for it."""
        return np.repeat(values, self.lengths).reshape(self.shape)

    def sums(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the sum of values (H, W) in every run, (n,)."""
        sums: NDArray[np.float32] = np.add.reduceat(values.ravel(), self.starts)
        return sums

    def components(self) -> NDArray[np.intp]:
        """Return for every run (n,) the first run of its connected component; corners connect, too."""
        upper, lower = self._neighbours()
        component = np.arange(len(self.starts))
        while True:
            one, other = component[upper], component[lower]
            apart = one != other
            if not apart.any():
                return component
            first, last = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
            np.minimum.at(component, last, first)
            # Follow each chain to its end, in ever longer steps.
            while not np.array_equal(component, further := component[component]):
                component = further
            upper, lower = upper[apart], lower[apart]

    def _neighbours(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Pairs of runs in rows one above the other that touch and have the same label."""
        width = self.shape[1]
        below = np.flatnonzero(self.starts >= width)
        column = self.starts[below] % width
        row_above = self.starts[below] - column - width
        left = row_above + np.maximum(column - 1, 0)
        right = row_above + np.minimum(column + self.lengths[below], width - 1)
        first = np.searchsorted(self.starts, left, "right") - 1
        count = np.searchsorted(self.starts, right, "right") - first
        lower = np.repeat(below, count)
        upper = np.arange(len(lower)) - np.repeat(np.cumsum(count) - count - first, count)
        same = self.labels[upper] == self.labels[lower]
        return upper[same], lower[same]


def find_runs(label_map: NDArray[np.uint16]) -> Runs:
    """Return the runs of a label map (H, W)."""
    flat = label_map.ravel()
    begins = np.empty(flat.size, np.bool_)
    np.not_equal(flat[1:], flat[:-1], out=begins[1:])
    begins[:: label_map.shape[1]] = True
    starts = np.flatnonzero(begins)
    return Runs(starts, flat[starts], (label_map.shape[0], label_map.shape[1]))
