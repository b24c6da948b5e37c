"""What following an image's edges needs of the image alone, kept for one label set after the other."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from zegclip_core.cell_filter import POINTS, CellFilter, Cells
from zegclip_core.refine import GuidedFilter, GuidedFilterOptions


class EdgeGuide:
    """An image's edges as one guided filter sees them; any number of label sets can follow them.

    Args:
        image: (H, W, 3) uint8.
        options: of the filter.

    Attributes:
        options: of the filter.
        cells: the image in cells.
        fine: the filter.
        rough: the filter at one point of each cell.

    """

    def __init__(self, image: NDArray[np.uint8], *, options: GuidedFilterOptions) -> None:
        self.options = options
        self.cells = Cells(image, points=options.side)
        self.fine = CellFilter(self.cells, options=options)
        self.rough = self.fine.reduced(POINTS)

    @property
    def bytes(self) -> int:
        """What it takes in memory beside the image."""
        return self.cells.bytes + self.fine.bytes + self.rough.bytes


class ImageEdges:
    """An image, and what those who follow its edges found of them; safe for many threads.

    Args:
        image: (H, W, 3) uint8.
        grown: called when this takes more memory than before.

    Attributes:
        image: (H, W, 3) uint8.

    """

    def __init__(self, image: NDArray[np.uint8], *, grown: Callable[[], object] = lambda: None) -> None:
        self.image = image
        self._grown = grown
        self._guide: EdgeGuide | None = None
        self._filter: GuidedFilter | None = None

    def guide(self, options: GuidedFilterOptions) -> EdgeGuide:
        """Return the guide for a filter; the last one is kept."""
        guide = self._guide
        if guide is None or guide.options != options:
            # Threads that come at the same time find the same: one of their guides stays.
            self._guide = guide = EdgeGuide(self.image, options=options)
            self._grown()
        return guide

    def filter(self, options: GuidedFilterOptions) -> GuidedFilter:
        """Return a filter for single maps at every pixel, as clicks need it; the last one is kept."""
        kept = self._filter
        if kept is None or kept.options != options:
            self._filter = kept = GuidedFilter(self.image, options=options)
            self._grown()
        return kept

    @property
    def bytes(self) -> int:
        """What it takes in memory now, the image included."""
        return self.image.nbytes + sum(one.bytes for one in (self._guide, self._filter) if one is not None)
