import numpy as np
import pytest

from backend.regions.brush_rle import encode_mask
from backend.regions.errors import RegionError
from backend.regions.formats import brush
from tests.backend.regions.masks import blobs


def test_a_mask_comes_back() -> None:
    mask = blobs(3, height=17, width=31)
    assert np.array_equal(brush.decode(brush.encode(mask), width=31, height=17), mask)


def test_smoothed_edges_count_from_half() -> None:
    rle = encode_mask(np.array([[0, 127, 128, 255]], np.uint8))
    assert brush.decode({"rle": rle}, width=4, height=1).tolist() == [[False, False, True, True]]


@pytest.mark.parametrize("rle", [None, "AAAA", [], [1, 2, 3], [300], ["a"], [None] * 20])
def test_what_is_no_stream_is_refused(rle: object) -> None:
    with pytest.raises(RegionError):
        brush.decode({"rle": rle}, width=4, height=1)
