import math

import numpy as np
import pytest

from training.boundary_score import BoundaryScore, boundary_f, fill_ignored, outline
from training.errors import EvaluationError


def square(top: int, left: int, side: int = 8, size: int = 24) -> np.ndarray:
    mask = np.zeros((size, size), bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_the_outline_of_a_square_is_its_rim() -> None:
    rim = outline(square(4, 4))
    assert rim.sum() == 4 * 8 - 4
    assert not rim[6, 6]


def test_the_picture_s_border_is_no_outline() -> None:
    assert not outline(np.ones((5, 5), bool)).any()
    assert outline(square(0, 0)).sum() == 8 + 8 - 1


def test_equal_outlines_score_one_and_distant_ones_zero() -> None:
    assert boundary_f(square(4, 4), square(4, 4), tolerance=1.0) == 1.0
    assert boundary_f(square(0, 0), square(16, 16), tolerance=1.0) == 0.0


def test_a_shift_within_the_tolerance_is_forgiven() -> None:
    assert boundary_f(square(4, 4), square(5, 4), tolerance=1.0) == 1.0
    assert boundary_f(square(4, 4), square(7, 4), tolerance=1.0) < 1.0


def test_precision_and_recall_worked_out_by_hand() -> None:
    """A square beside one that was not there: all of the true rim is found, half of the found one is true."""
    found = square(4, 4) | square(4, 15)
    precision, recall = 0.5, 1.0
    expected = 2 * precision * recall / (precision + recall)
    assert boundary_f(found, square(4, 4), tolerance=1.0) == pytest.approx(expected)


def test_a_missing_class_scores_zero_and_no_outline_at_all_nothing() -> None:
    empty = np.zeros((24, 24), bool)
    assert boundary_f(empty, square(4, 4), tolerance=1.0) == 0.0
    assert math.isnan(boundary_f(empty, empty, tolerance=1.0))


def test_ignored_rims_are_no_outlines() -> None:
    target = np.where(square(4, 4), 1, 0)
    target[square(3, 3, 10) & ~square(4, 4)] = 255
    filled = fill_ignored(target, 255)
    assert 255 not in filled
    assert outline(filled == 1).sum() > 0


def test_a_picture_of_ignored_pixels_is_left_alone() -> None:
    target = np.full((4, 4), 255)
    assert np.array_equal(fill_ignored(target, 255), target)


def test_scores_are_means_over_classes_and_images() -> None:
    score = BoundaryScore(tolerance=0.04)
    target = np.where(square(4, 4), 1, 0)
    score.update(target, target)
    score.update(np.zeros_like(target), target, skip=frozenset({0}))
    assert score.score() == pytest.approx(50.0)
    assert score.per_class() == {0: 100.0, 1: pytest.approx(50.0)}


def test_nothing_measured_is_no_number() -> None:
    assert math.isnan(BoundaryScore().score())


def test_wrong_use_is_named() -> None:
    with pytest.raises(EvaluationError, match="fraction of the diagonal"):
        BoundaryScore(tolerance=2.0)
    with pytest.raises(EvaluationError, match="differ in shape"):
        BoundaryScore().update(np.zeros((2, 2), int), np.zeros((2, 3), int))
