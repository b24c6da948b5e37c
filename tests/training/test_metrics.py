import math

import numpy as np
import pytest

from training.errors import EvaluationError
from training.metrics import ConfusionMatrix, harmonic_mean

TARGET = np.array([[0, 0, 1, 1], [0, 2, 2, 255]])
PREDICTION = np.array([[0, 1, 1, 1], [0, 2, 0, 1]])


def matrix(
    prediction: np.ndarray = PREDICTION, target: np.ndarray = TARGET, classes: int = 4
) -> ConfusionMatrix:
    counted = ConfusionMatrix(classes)
    counted.update(prediction, target)
    return counted


def test_figures_of_seven_pixels_worked_out_by_hand() -> None:
    """Class 0: 2 of union 4; class 1: 2 of 3; class 2: 1 of 2; class 3 occurs in no mask."""
    scores = matrix().scores(unseen=[2])
    assert scores.per_class[0] == pytest.approx(50.0)
    assert scores.per_class[1] == pytest.approx(200 / 3)
    assert scores.per_class[2] == pytest.approx(50.0)
    assert math.isnan(scores.per_class[3])
    assert scores.p_acc == pytest.approx(500 / 7)
    assert scores.m_iou == pytest.approx((50 + 200 / 3 + 50) / 3)
    assert scores.m_iou_seen == pytest.approx((50 + 200 / 3) / 2)
    assert scores.m_iou_unseen == pytest.approx(50.0)
    seen = (50 + 200 / 3) / 2
    assert scores.h_iou == pytest.approx(2 * seen * 50 / (seen + 50))


def test_images_add_up_in_one_matrix() -> None:
    twice = matrix()
    twice.update(PREDICTION, TARGET)
    assert np.array_equal(twice.counts, 2 * matrix().counts)


def test_ignored_pixels_count_nowhere() -> None:
    assert matrix().counts.sum() == 7


def test_a_pixel_without_prediction_misses_its_class_and_is_no_false_find() -> None:
    counted = ConfusionMatrix(2)
    counted.update(np.array([[2, 1]]), np.array([[0, 1]]))
    scores = counted.scores()
    assert (scores.per_class[0], scores.per_class[1]) == (0.0, 100.0)
    assert scores.p_acc == 50.0


def test_a_false_find_of_a_class_without_pixels_hurts_the_others_only() -> None:
    counted = ConfusionMatrix(2)
    counted.update(np.array([[0, 1]]), np.array([[0, 0]]))
    assert counted.scores().m_iou == 50.0


def test_without_unseen_classes_their_means_are_no_numbers() -> None:
    scores = matrix().scores()
    assert math.isnan(scores.m_iou_unseen)
    assert math.isnan(scores.h_iou)


def test_the_harmonic_mean_is_zero_with_a_zero() -> None:
    assert harmonic_mean(0.0, 80.0) == 0.0
    assert harmonic_mean(0.0, 0.0) == 0.0
    assert harmonic_mean(91.9, 77.8) == pytest.approx(84.27, abs=0.01)


def test_other_shapes_and_values_are_refused_with_the_cure() -> None:
    with pytest.raises(EvaluationError, match="differ in shape"):
        matrix(np.zeros((2, 2), int), np.zeros((2, 3), int))
    with pytest.raises(EvaluationError, match="map ids to consecutive class indices"):
        matrix(np.zeros((1, 1), int), np.full((1, 1), 9))
    with pytest.raises(EvaluationError, match="at least one class"):
        ConfusionMatrix(0)
