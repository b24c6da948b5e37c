"""Specks take the label around them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from zegclip_core.components import absorb_specks


def label_map(rows: list[str]) -> NDArray[np.uint16]:
    return np.array([[int(value) for value in row] for row in rows], np.uint16)


def absorbed(before: NDArray[np.uint16], *, min_area: int) -> NDArray[np.uint16]:
    return absorb_specks(before, min_area=min_area)[0]


def test_a_speck_takes_the_label_that_most_of_its_border_has() -> None:
    before = label_map(["11111", "11211", "13311", "13311"])
    after = absorbed(before, min_area=2)
    assert after.tolist() == label_map(["11111", "11111", "13311", "13311"]).tolist()


def test_specks_beside_each_other_both_take_what_lies_around_them() -> None:
    before = label_map(["11111", "12331", "11111"])
    assert absorbed(before, min_area=3).tolist() == label_map(["11111"] * 3).tolist()


def test_a_speck_within_a_speck_follows_when_that_has_its_label() -> None:
    before = label_map(["1111111", "1222221", "1233321", "1234321", "1233321", "1222221", "1111111"])
    assert absorbed(before, min_area=20).tolist() == label_map(["1111111"] * 7).tolist()


def test_nothing_is_a_label_too() -> None:
    assert absorbed(label_map(["000", "010", "000"]), min_area=2).max() == 0
    assert absorbed(label_map(["111", "101", "111"]), min_area=2).min() == 1


def test_components_of_the_smallest_area_stay() -> None:
    before = label_map(["1100", "1100", "0000"])
    assert absorbed(before, min_area=4).tolist() == before.tolist()
    assert absorbed(before, min_area=5).max() == 0


def test_corners_connect() -> None:
    before = label_map(["1000", "0100", "0010", "0000"])
    assert absorbed(before, min_area=3).tolist() == before.tolist()


def test_specks_of_one_label_are_judged_one_by_one() -> None:
    before = label_map(["10011", "00011", "00000"])
    assert absorbed(before, min_area=2).tolist() == label_map(["00011", "00011", "00000"]).tolist()


def test_a_map_that_is_one_speck_has_nothing_to_become() -> None:
    before = label_map(["11"])
    assert absorbed(before, min_area=10).tolist() == before.tolist()


def test_no_smallest_area_changes_nothing_and_the_input_is_never_written_to() -> None:
    before = label_map(["010"])
    assert absorbed(before, min_area=1) is before
    absorbed(before, min_area=2)
    assert before.tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("seed", range(5))
def test_the_runs_are_those_of_the_map_without_specks(seed: int) -> None:
    before = np.random.default_rng(seed).choice(np.array([0, 1, 5], np.uint16), (40, 50), p=[0.6, 0.25, 0.15])
    after, runs = absorb_specks(before, min_area=9)
    assert (after != before).any()
    np.testing.assert_array_equal(runs.fill(runs.labels), after)
