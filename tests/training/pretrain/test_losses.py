"""What the tower stage minimises, against numbers worked out by hand."""

import math

import pytest
import torch

from training.label_mapping import IGNORED, NEGATIVE
from training.pretrain.losses import (
    label_set_loss,
    memory_loss,
    pure_cells,
    unnamed_memory_loss,
    vocabulary_loss,
    word_loss,
)

STRIDE = 16
SCALE = torch.tensor(2.0)


def test_pixels_choose_between_the_words_and_none_of_these() -> None:
    cosines = torch.tensor([0.5, -0.5]).view(1, 2, 1, 1)
    targets = torch.full((1, STRIDE, STRIDE), NEGATIVE)
    partition = math.exp(1.0) + math.exp(-1.0) + math.exp(0.2)
    expected = math.log(partition) - 0.2
    assert float(word_loss(cosines, torch.tensor(0.1), SCALE, targets, STRIDE)) == pytest.approx(expected)


def test_ignored_pixels_count_nowhere() -> None:
    cosines = torch.tensor([0.5, -0.5]).view(1, 2, 1, 1)
    targets = torch.full((1, STRIDE, STRIDE), IGNORED)
    targets[:, : STRIDE // 2] = 0
    half = word_loss(cosines, torch.tensor(0.1), SCALE, targets, STRIDE)
    whole = word_loss(cosines, torch.tensor(0.1), SCALE, torch.zeros_like(targets), STRIDE)
    assert float(half) == pytest.approx(float(whole))
    nothing = word_loss(cosines, torch.tensor(0.1), SCALE, torch.full_like(targets, IGNORED), STRIDE)
    assert float(nothing) == 0.0


def test_a_cell_has_a_class_only_when_one_class_fills_it() -> None:
    targets = torch.full((1, STRIDE, 3 * STRIDE), IGNORED)
    targets[:, :, :STRIDE] = 1
    targets[:, :, STRIDE : STRIDE + STRIDE // 2] = 0
    targets[:, :, 2 * STRIDE :] = NEGATIVE
    assert pure_cells(targets, 2, STRIDE).tolist() == [[[1, IGNORED, IGNORED]]]


def test_words_of_the_vocabulary_compete_unless_they_are_relatives() -> None:
    features = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    words = torch.tensor([[1.0, 0.0]])
    cells = torch.zeros(1, 1, 1, dtype=torch.long)
    stranger, relative = torch.tensor([[0.0, 1.0]]), torch.tensor([[0.8, 0.6]])
    both = torch.cat((stranger, relative))
    expected = math.log(math.exp(2.0) + 1.0) - 2.0
    assert float(vocabulary_loss(features, cells, words, both, SCALE, 0.35)) == pytest.approx(expected)
    assert float(vocabulary_loss(features, cells, words, both, SCALE, 0.9)) > expected


def test_excluded_relatives_leave_every_gradient_finite() -> None:
    scale = torch.tensor(2.0, requires_grad=True)
    features = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).requires_grad_()
    words = torch.tensor([[1.0, 0.0]])
    cells = torch.zeros(1, 1, 1, dtype=torch.long)
    loss = vocabulary_loss(features, cells, words, torch.tensor([[0.8, 0.6], [0.0, 1.0]]), scale, 0.35)
    loss.backward()
    assert scale.grad is not None
    assert features.grad is not None
    assert bool(scale.grad.isfinite())
    assert bool(features.grad.isfinite().all())


def test_memory_is_the_turn_of_features_on_labelled_cells_that_were_right() -> None:
    before = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]).T.reshape(1, 2, 1, 3)
    now = torch.tensor([[0.6, 0.8], [0.0, 1.0], [0.0, 1.0]]).T.reshape(1, 2, 1, 3)
    words = torch.eye(2)
    unlabelled, wrong = IGNORED, 1
    cells = torch.tensor([[[0, unlabelled, wrong]]])
    assert float(memory_loss(now, before, cells, words)) == pytest.approx(0.4)
    assert float(memory_loss(now, before, torch.full_like(cells, IGNORED), words)) == 0.0


def test_cells_without_a_word_are_held_where_they_were() -> None:
    before = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]).T.reshape(1, 2, 1, 3)
    now = torch.tensor([[0.0, 1.0], [0.6, 0.8], [1.0, 0.0]]).T.reshape(1, 2, 1, 3)
    named, unnamed = 0, IGNORED
    assert float(
        unnamed_memory_loss(now, before, torch.tensor([[[named, unnamed, named]]]))
    ) == pytest.approx(0.4)
    assert float(unnamed_memory_loss(now, before, torch.zeros(1, 1, 3, dtype=torch.long))) == 0.0


# Two words of the data set and one of stuff, whose logits on the only patch are 1, -1 and 0.6; none has 0.2.
COSINES = torch.tensor([0.5, -0.5, 0.3]).view(1, 3, 1, 1)
CAT, DOG, SKY, NONE = (math.exp(logit) for logit in (1.0, -1.0, 0.6, 0.2))


def set_loss(target: int, kept: tuple[bool, bool, bool], kin: tuple[int, int] | None = None) -> float:
    relatives = torch.zeros(3, 3, dtype=torch.bool)
    if kin is not None:
        relatives[kin[0], kin[1]] = relatives[kin[1], kin[0]] = True
    targets = torch.full((1, STRIDE, STRIDE), target)
    loss = label_set_loss(
        COSINES,
        torch.tensor(0.1),
        SCALE,
        targets,
        kept=torch.tensor(kept),
        kin=relatives,
        own=2,
        stride=STRIDE,
    )
    return float(loss)


def test_a_word_of_the_label_set_competes_with_the_others_of_the_set_and_none() -> None:
    assert set_loss(0, (True, False, True)) == pytest.approx(-math.log(CAT / (CAT + SKY + NONE)))


def test_pixels_of_a_word_outside_the_label_set_are_none_of_these() -> None:
    assert set_loss(0, (False, True, True)) == pytest.approx(-math.log(NONE / (DOG + SKY + NONE)))


def test_relatives_neither_compete_nor_stand_in_for_each_other() -> None:
    assert set_loss(0, (True, True, True), kin=(0, 2)) == pytest.approx(-math.log(CAT / (CAT + DOG + NONE)))
    assert set_loss(0, (False, True, True), kin=(0, 2)) == 0.0


def test_background_may_be_any_stuff_or_nothing_but_no_word_of_the_data_set() -> None:
    everything = CAT + DOG + SKY + NONE
    assert set_loss(NEGATIVE, (True, True, True)) == pytest.approx(-math.log((SKY + NONE) / everything))
    assert set_loss(NEGATIVE, (True, True, False)) == pytest.approx(-math.log(NONE / (CAT + DOG + NONE)))


def test_ignored_pixels_teach_nothing_about_label_sets() -> None:
    assert set_loss(IGNORED, (True, True, True)) == 0.0
