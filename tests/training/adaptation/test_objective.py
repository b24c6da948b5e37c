"""What teaches an adaptation, pixel by pixel."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from training.adaptation.objective import (
    corrected_loss,
    label_logits,
    none_loss,
    pseudo_labels,
    pseudo_loss,
)
from training.label_mapping import IGNORED, NEGATIVE, UNLABELLED

SEEN, UNSEEN, NONE = 0, 1, 2
SURE, UNSURE = 9.0, 0.1


def logits(*columns: tuple[float, float, float]) -> Tensor:
    """Logits (1, 3, 1, n) of patches in a row: a seen label, an unseen one, none."""
    return torch.tensor(columns, dtype=torch.float32).t().reshape(1, 3, 1, len(columns))


def guess(taught: Tensor, untaught: Tensor) -> list[int]:
    labels = pseudo_labels(taught, untaught, unseen=[UNSEEN], confidence=0.5)
    return [int(one) for one in labels.flatten()]


def test_a_label_takes_its_best_word_and_none_stands_behind() -> None:
    words = torch.tensor([1.0, 5.0, 2.0]).reshape(1, 3, 1, 1)
    combined = label_logits(words, torch.tensor(-3.0).reshape(1, 1, 1, 1), torch.tensor([0, 0, 1]), 2)
    assert combined.flatten().tolist() == [5.0, 2.0, -3.0]


def test_corrected_pixels_are_compared_background_means_none_and_others_count_nowhere() -> None:
    scores = torch.randn(1, 3, 1, 4, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([[SEEN, NEGATIVE, IGNORED, UNLABELLED]])
    expected = F.cross_entropy(scores[0, :, 0, :2].t(), torch.tensor([SEEN, NONE]))
    assert float(corrected_loss(scores, targets)) == pytest.approx(float(expected))


def test_an_image_without_a_known_pixel_costs_nothing_and_keeps_the_graph() -> None:
    scores = torch.randn(1, 3, 1, 2, requires_grad=True)
    loss = corrected_loss(scores, torch.full((2, 4), IGNORED))
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0.0
    assert scores.grad is not None


def test_an_unseen_label_cannot_be_forgotten() -> None:
    """Corrections taught that the label is nowhere: the untaught model still finds it."""
    assert guess(taught=logits((0, -20, 0)), untaught=logits((0, SURE, 0))) == [UNSEEN]


def test_an_unseen_label_gives_back_what_a_seen_one_has_learned_to_claim() -> None:
    assert guess(taught=logits((2 * SURE, 0, 0)), untaught=logits((0, SURE, 0))) == [SEEN]
    assert guess(taught=logits((0, 0, 2 * SURE)), untaught=logits((0, SURE, 0))) == [NONE]


def test_a_doubtful_patch_gets_no_label() -> None:
    assert guess(taught=logits((0, 0, 0)), untaught=logits((0, UNSURE, 0))) == [-1]


def test_without_a_declared_background_every_patch_shows_some_label() -> None:
    taught, untaught = logits((0, 0, 2 * SURE)), logits((0, SURE, 0))
    assert guess(taught[:, :NONE], untaught[:, :NONE]) == [UNSEEN]


def test_without_a_declared_background_none_sinks_below_labelled_pixels_and_moves_nothing_else() -> None:
    scores = logits((SURE, 0, 0), (0, 0, 0)).requires_grad_()
    none = torch.full((1, 1, 1, 2), SURE, requires_grad=True)
    loss = none_loss(none, scores, torch.tensor([[SEEN, IGNORED]]))
    loss.backward()  # type: ignore[no-untyped-call]
    assert scores.grad is None
    assert none.grad is not None
    assert float(none.grad[0, 0, 0, 0]) > 0
    assert float(none.grad[0, 0, 0, 1]) == 0
    assert float(none_loss(none, scores, torch.full((1, 2), IGNORED)).detach()) == 0


def test_guessed_patches_are_weighed_by_how_many_there_are() -> None:
    scores = logits((0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 0, 0))
    one = pseudo_loss(scores, torch.tensor([[[SEEN, -1, -1, -1]]]))
    two = pseudo_loss(scores, torch.tensor([[[SEEN, UNSEEN, -1, -1]]]))
    assert float(two) == pytest.approx(2 * float(one))
    assert float(pseudo_loss(scores, torch.full((1, 1, 4), -1))) == 0.0
