"""Runs of a label map and their components, against OpenCV's."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from zegclip_core.runs import find_runs


def random_map(seed: int) -> NDArray[np.uint16]:
    rng = np.random.default_rng(seed)
    height, width, labels = rng.integers(1, 40), rng.integers(1, 40), rng.integers(1, 5)
    blocks = rng.integers(0, labels, (height, width)).astype(np.uint16)
    return blocks.repeat(seed % 3 + 1, axis=0).repeat(seed % 2 + 1, axis=1)


@pytest.mark.parametrize("seed", range(40))
def test_components_are_those_of_opencv(seed: int) -> None:
    label_map = random_map(seed)
    runs = find_runs(label_map)
    found = runs.fill(runs.components())
    for label in np.unique(label_map):
        inside = label_map == label
        count, expected = cv2.connectedComponents(inside.astype(np.uint8), connectivity=8)
        pairs = set(zip(found[inside].tolist(), expected[inside].tolist(), strict=True))
        assert len(pairs) == count - 1 == len({one for one, _ in pairs}) == len({other for _, other in pairs})


def test_a_run_ends_with_its_row() -> None:
    runs = find_runs(np.array([[1, 1, 2], [2, 2, 2]], np.uint16))
    assert runs.starts.tolist() == [0, 2, 3]
    assert runs.labels.tolist() == [1, 2, 2]
    assert runs.lengths.tolist() == [2, 1, 3]


def test_a_long_winding_component_is_one() -> None:
    label_map = np.ones((201, 50), np.uint16)
    label_map[1::2] = 0
    label_map[1::4, -1] = label_map[3::4, 0] = 1
    runs = find_runs(label_map)
    assert len(set(runs.components()[runs.labels == 1].tolist())) == 1


def test_a_map_is_its_runs_filled_again() -> None:
    label_map = random_map(7)
    runs = find_runs(label_map)
    np.testing.assert_array_equal(runs.fill(runs.labels), label_map)


def test_sums_are_those_of_each_run() -> None:
    runs = find_runs(np.array([[1, 1, 2], [2, 2, 2]], np.uint16))
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert runs.sums(values).tolist() == [1, 2, 12]
