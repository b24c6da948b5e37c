"""Pasting: a thing keeps its pixels, its word and its outline, and nothing else changes."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.label_mapping import IGNORED, NEGATIVE
from training.pretrain.paste import paste

RED = np.array([255, 0, 0], np.uint8)


def photograph() -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    """Black, with a red disc of class 1 beside ignored and stuff (class 2) pixels."""
    rows, columns = np.mgrid[:60, :80]
    disc = (rows - 30) ** 2 + (columns - 40) ** 2 < 400
    labels = np.full((60, 80), NEGATIVE, np.int16)
    labels[:5], labels[-5:] = 2, IGNORED
    labels[disc] = 1
    return disc[..., None] * RED, labels


def test_a_thing_lands_with_its_pixels_and_its_word() -> None:
    view = np.full((64, 96, 3), 7, np.uint8)
    seen = np.zeros((64, 96), np.int16)
    image, labels = photograph()
    pasted, targets = paste(view, seen, image, labels, own=2, generator=np.random.default_rng(0))
    here = targets == 1
    assert set(np.unique(targets)) == {0, 1}
    assert (pasted[~here] == 7).all()
    assert np.median(pasted[here], axis=0).tolist() == RED.tolist()
    height, width = (int(np.ptp(side)) + 1 for side in np.nonzero(here))
    assert 0.25 * 64 - 1 <= max(height, width) <= 0.75 * 64 + 1
    assert abs(height - width) <= 2
    assert (view == 7).all()
    assert (seen == 0).all()


@pytest.mark.parametrize("seed", range(8))
def test_size_and_place_are_drawn(seed: int) -> None:
    image, labels = photograph()
    blank = np.zeros((64, 96, 3), np.uint8), np.zeros((64, 96), np.int16)
    first, second = (
        paste(*blank, image, labels, own=2, generator=np.random.default_rng(one))[1]
        for one in (seed, seed + 1)
    )
    assert (first == 1).any()
    assert not np.array_equal(first, second)


def test_stuff_and_background_are_never_pasted() -> None:
    image, labels = photograph()
    labels[labels == 1] = NEGATIVE
    view, seen = np.zeros((64, 96, 3), np.uint8), np.zeros((64, 96), np.int16)
    pasted, targets = paste(view, seen, image, labels, own=2, generator=np.random.default_rng(0))
    assert pasted is view
    assert targets is seen
