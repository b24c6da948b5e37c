"""What the edges of an image take is found once, and counted."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from zegclip_core.image_edges import ImageEdges
from zegclip_core.refine import GuidedFilterOptions

OPTIONS = GuidedFilterOptions()


def picture(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_a_guide_is_made_when_it_is_asked_for_and_kept_for_the_next_label_set() -> None:
    grown: list[bool] = []
    edges = ImageEdges(picture(60, 90), grown=lambda: grown.append(True))
    assert (edges.bytes, len(grown)) == (edges.image.nbytes, 0)
    guide = edges.guide(OPTIONS)
    assert edges.bytes == edges.image.nbytes + guide.bytes
    assert edges.guide(GuidedFilterOptions()) is guide
    assert len(grown) == 1


def test_another_filter_has_another_guide() -> None:
    edges = ImageEdges(picture(60, 90))
    assert edges.guide(OPTIONS) is not edges.guide(GuidedFilterOptions(radius=0.3))
    assert edges.guide(OPTIONS).options == OPTIONS


def test_clicks_have_a_filter_of_their_own_that_is_kept_and_counted_too() -> None:
    grown: list[bool] = []
    edges = ImageEdges(picture(60, 90), grown=lambda: grown.append(True))
    guide, filtering = edges.guide(OPTIONS), edges.filter(OPTIONS)
    assert edges.filter(GuidedFilterOptions()) is filtering
    assert edges.bytes == edges.image.nbytes + guide.bytes + filtering.bytes
    assert len(grown) == 2
    assert edges.filter(GuidedFilterOptions(radius=0.3)) is not filtering


@pytest.mark.parametrize("kind", ["guide", "filter"])
@pytest.mark.parametrize("size", [(768, 1024), (683, 1024), (90, 60)])
def test_bytes_are_those_that_are_kept(size: tuple[int, int], kind: str) -> None:
    edges = ImageEdges(picture(*size))
    getattr(ImageEdges(edges.image), kind)(OPTIONS)
    tracemalloc.start()
    try:
        guide = getattr(edges, kind)(OPTIONS)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    # Python's own objects are not counted: some ten kilobytes.
    assert guide.bytes <= kept < guide.bytes + 20_000


@pytest.mark.parametrize("size", [(768, 1024), (683, 1024), (1, 1), (700, 3)])
def test_a_guide_is_small_beside_its_image(size: tuple[int, int]) -> None:
    edges = ImageEdges(picture(*size))
    assert edges.guide(OPTIONS).bytes < max(0.3 * edges.image.nbytes, 60_000)
