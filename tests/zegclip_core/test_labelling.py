"""From scores on the patch grid to winners at the image's size."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from zegclip_core.image_edges import ImageEdges
from zegclip_core.labelling import (
    LabellingOptions,
    certainty,
    clean,
    compete,
    levels_of_winners,
    scale_up,
    softmax,
    speck_area,
    working_size,
)
from zegclip_core.refine import GuidedFilter

PLAIN = LabellingOptions(refine=False)
GREY = np.full((40, 60, 3), 127, np.uint8)


def random_logits(classes: int, height: int = 4, width: int = 6, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 3, (classes, height, width)).astype(np.float32)


def test_softmax_sums_to_one_however_large_the_logits() -> None:
    logits = np.array([[[1000.0]], [[999.0]]], np.float32)
    expected = np.array([1, np.exp(-1)]) / (1 + np.exp(-1))
    np.testing.assert_allclose(softmax(logits)[:, 0, 0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [([1, 0, 0], 1.0), ([1 / 3] * 3, 0.0), ([0.5, 0.5, 0], 1 - np.log(2) / np.log(3)), ([1], 1.0)],
)
def test_certainty_is_one_minus_entropy_over_its_maximum(probabilities: list[float], expected: float) -> None:
    maps = np.array(probabilities, np.float32).reshape(-1, 1, 1)
    assert certainty(maps) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("size", "working"), [((500, 400), (500, 400)), ((4000, 3000), (1024, 768)), ((1, 9000), (1, 1024))]
)
def test_labels_compete_at_a_bounded_size(size: tuple[int, int], working: tuple[int, int]) -> None:
    assert working_size(*size, 1024) == working


def test_the_winner_is_the_class_with_the_highest_interpolated_score() -> None:
    logits = random_logits(5)
    winner, best = compete(logits, ImageEdges(GREY), options=PLAIN)
    wide = np.stack([cv2.resize(one, (60, 40), interpolation=cv2.INTER_LINEAR) for one in logits])
    probabilities = softmax(wide)
    assert (winner == probabilities.argmax(axis=0)).mean() > 0.999
    np.testing.assert_allclose(best, probabilities.max(axis=0), atol=1e-5)


def test_hundreds_of_equal_classes_still_have_a_winner() -> None:
    logits = np.zeros((500, 4, 6), np.float32)
    winner, _ = compete(logits, ImageEdges(GREY), options=PLAIN)
    assert len(np.unique(winner)) == 1
    _, best = compete(logits, ImageEdges(GREY), options=LabellingOptions())
    np.testing.assert_allclose(best, 1 / 64, atol=1e-3)


def test_a_single_class_wins_everywhere() -> None:
    winner, best = compete(random_logits(1), ImageEdges(GREY), options=LabellingOptions())
    assert not winner.any()
    np.testing.assert_allclose(best, 1, atol=1e-3)


def test_with_refinement_winners_follow_the_images_edges() -> None:
    image = np.zeros((128, 128, 3), np.uint8)
    image[:, 67:] = 255
    ramp = np.tile(np.linspace(-2, 2, 8, dtype=np.float32), (8, 1))
    logits = np.stack([-ramp, ramp])
    truth = np.arange(128) >= 67
    wrong = {}
    for refine in (False, True):
        winner, _ = compete(logits, ImageEdges(image), options=LabellingOptions(refine=refine))
        wrong[refine] = int((winner != truth).sum())
    assert wrong[True] < wrong[False] / 2


def test_confidence_is_a_probability_even_where_the_filter_overshoots() -> None:
    image = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    _, best = compete(random_logits(6) * 5, ImageEdges(image), options=LabellingOptions())
    assert best.min() >= 0
    assert best.max() <= 1


def test_with_refinement_a_class_without_a_chance_changes_nothing() -> None:
    logits = np.zeros((3, 8, 8), np.float32)
    logits[0, :, :4] = logits[1, :, 4:] = 3.0
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    winner, best = compete(logits, ImageEdges(image), options=LabellingOptions())
    assert set(np.unique(winner)) == {0, 1}
    assert best.min() > 0


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1), (700, 3), (213, 300), (1024, 683)])
def test_with_refinement_any_size_has_its_winners(size: tuple[int, int]) -> None:
    image = np.random.default_rng(2).integers(0, 256, (*size, 3), np.uint8)
    winner, best = compete(random_logits(4), ImageEdges(image), options=LabellingOptions())
    assert winner.shape == best.shape == size
    assert winner.max() < 4
    assert np.isfinite(best).all()


def test_with_refinement_winners_are_those_of_the_guided_filter() -> None:
    """Against the filter applied to every class at every pixel."""
    rng = np.random.default_rng(3)
    image = cv2.resize(rng.integers(0, 256, (30, 40, 3), np.uint8), (800, 600), interpolation=cv2.INTER_CUBIC)
    logits = random_logits(6, 12, 16, seed=4)
    options = LabellingOptions()
    winner, best = compete(logits, ImageEdges(image), options=options)
    small = softmax(np.stack([cv2.resize(one, (256, 192), interpolation=cv2.INTER_LINEAR) for one in logits]))
    guided = GuidedFilter(image, options=options.guided_filter)
    expected = np.stack([guided.filter(one) for one in small])
    assert (winner != expected.argmax(axis=0)).mean() < 0.005
    assert abs(best.mean() - np.clip(expected.max(axis=0), 0, 1).mean()) < 0.01


def test_a_threshold_is_met_pixel_by_pixel() -> None:
    image = np.full((256, 256, 3), 90, np.uint8)
    image[100:103, 100:103] = 255
    logits = np.zeros((2, 16, 16), np.float32)
    logits[0], logits[0, 6, 6] = 1.0, 3.0
    _, coarse = compete(logits, ImageEdges(image), options=LabellingOptions())
    _, told = compete(logits, ImageEdges(image), options=LabellingOptions(threshold=0.99))
    assert len(np.unique(coarse[96:108, 96:108])) < len(np.unique(told[96:108, 96:108]))


def test_scaling_up_keeps_straight_edges_straight() -> None:
    winner = np.zeros((10, 10), np.uint16)
    winner[:, 5:] = 1
    kept = {index: (winner == index).astype(np.uint8) * 255 for index in (0, 1)}
    wide = scale_up(winner, kept, 100, 100)
    assert (wide[:, :49] == 0).all()
    assert (wide[:, 51:] == 1).all()


def test_scaling_up_brings_in_no_label_that_did_not_win() -> None:
    logits = random_logits(20, seed=3)
    winner, best = compete(logits, ImageEdges(GREY), options=PLAIN)
    wide = scale_up(winner, levels_of_winners(winner, best), 333, 501)
    assert wide.shape == (333, 501)
    assert set(np.unique(wide)) <= set(np.unique(winner))
    back = cv2.resize(wide, (60, 40), interpolation=cv2.INTER_NEAREST)
    assert (back == winner).mean() > 0.9


def test_a_label_that_took_over_a_speck_keeps_it_when_scaled_up() -> None:
    """Its own probability is zero there, but the winner map has decided."""
    winner = np.zeros((10, 10), np.uint16)
    kept = {0: np.full((10, 10), 255, np.uint8), 1: np.zeros((10, 10), np.uint8)}
    kept[0][4:6, 4:6], kept[1][4:6, 4:6] = 0, 255
    assert not scale_up(winner, kept, 40, 40).any()


def test_specks_are_a_fraction_of_the_image() -> None:
    options = LabellingOptions(min_area=0.01)
    assert speck_area(options, 100, 200) == 200
    winner = np.zeros((100, 100), np.uint16)
    winner[:3, :3], winner[50:70, 50:70] = 1, 1
    cleaned, runs = clean(winner, options)
    assert cleaned.sum() == 400
    np.testing.assert_array_equal(runs.fill(runs.labels), cleaned)
