import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as oracle

from backend.convert import coco_rle
from backend.convert.masked_image import ConvertError
from tests.backend.regions.masks import Mask, blobs

MASKS = [
    *(blobs(seed, height=31 + seed, width=50 - seed, smoothness=0.5 + seed) for seed in range(6)),
    np.zeros((4, 7), np.bool_),
    np.ones((4, 7), np.bool_),
    np.eye(90, dtype=np.bool_),
    np.ones((1, 1), np.bool_),
    np.pad(np.ones((300, 2), np.bool_), ((900, 4), (3, 0))),
]


@pytest.mark.parametrize("mask", MASKS)
def test_packed_counts_are_those_of_the_reference(mask: Mask) -> None:
    expected = oracle.encode(np.asfortranarray(mask, np.uint8))
    assert coco_rle.encode(mask)["counts"] == expected["counts"].decode()


@pytest.mark.parametrize("mask", MASKS)
def test_a_mask_comes_back(mask: Mask) -> None:
    height, width = mask.shape
    assert np.array_equal(coco_rle.decode(coco_rle.encode(mask), width=width, height=height), mask)


def test_plain_counts_are_read() -> None:
    segmentation = {"size": [2, 3], "counts": [1, 2, 3]}
    found = coco_rle.decode(segmentation, width=3, height=2)
    assert found.T.ravel().tolist() == [False, True, True, False, False, False]


@pytest.mark.parametrize(
    "segmentation",
    [
        {},
        {"size": [2, 3]},
        {"size": [3, 2], "counts": [6]},
        {"size": [2, 3], "counts": [7]},
        {"size": [2, 3], "counts": [-1, 7]},
        {"size": [2, 3], "counts": [2.5, 3.5]},
        {"size": [2, 3], "counts": [10**12]},
        {"size": [2, 3], "counts": "~"},
        {"size": [2, 3], "counts": "o" * 100},
        {"size": [2, 3], "counts": "6P"},
        {"size": [2, 3], "counts": None},
    ],
)
def test_counts_that_do_not_fit_are_refused(segmentation: dict[str, object]) -> None:
    with pytest.raises(ConvertError):
        coco_rle.decode(segmentation, width=3, height=2)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        mask = coco_rle.decode({"size": [5, 7], "counts": text}, width=7, height=5)
    except ConvertError:
        return
    assert mask.shape == (5, 7)
