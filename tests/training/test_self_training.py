import torch

from training.label_mapping import IGNORED, UNLABELLED
from training.self_training import UNSURE, ConfidentLabels, ReleasedLabels
from training.setting_groups import SelfTrainingSettings

# Three queries, 0 seen, 1 and 2 unseen; four pixels in a row.
PROBABILITIES = torch.tensor([[0.9, 0.9, 0.9, 0.9], [0.6, 0.2, 0.1, 0.6], [0.5, 0.4, 0.05, 0.5]])
TARGETS = torch.tensor([[UNLABELLED, UNLABELLED, UNLABELLED, IGNORED]])


def confident(confidence: float, balance: float = 0.0) -> ConfidentLabels:
    return ConfidentLabels((1, 2), settings=SelfTrainingSettings(confidence=confidence, balance=balance))


def fill(labeller: ReleasedLabels | ConfidentLabels) -> list[int]:
    filled = labeller.fill(TARGETS.view(1, 1, 4), PROBABILITIES.view(1, 3, 1, 4))
    return filled.flatten().tolist()


def test_the_released_scheme_takes_the_best_unseen_class_however_unsure() -> None:
    """The seen class is the most probable one everywhere, and never written."""
    assert fill(ReleasedLabels((1, 2))) == [1, 2, 1, IGNORED]


def test_labelled_pixels_are_left_alone() -> None:
    targets = torch.zeros(1, 1, 4, dtype=torch.long)
    filled = ReleasedLabels((1, 2)).fill(targets, PROBABILITIES.view(1, 3, 1, 4))
    assert torch.equal(filled, targets)


def test_below_the_threshold_a_pixel_is_unsure() -> None:
    assert fill(confident(0.3)) == [1, 2, UNSURE, IGNORED]
    assert fill(confident(0.5)) == [1, UNSURE, UNSURE, IGNORED]


def test_a_class_the_teacher_is_unsure_of_gets_a_lower_threshold() -> None:
    labeller = confident(0.5, balance=1.0)
    labeller.certainty = torch.tensor([0.8, 0.4])
    assert torch.allclose(labeller.thresholds(), torch.tensor([0.5, 0.25]))
    assert fill(labeller) == [1, 2, UNSURE, IGNORED]


def test_without_balance_all_classes_have_one_threshold() -> None:
    labeller = confident(0.5, balance=0.0)
    labeller.certainty = torch.tensor([0.8, 0.4])
    assert torch.allclose(labeller.thresholds(), torch.tensor([0.5, 0.5]))


def test_certainty_follows_the_pixels_given_to_a_class_by_a_hundredth() -> None:
    """Class 1 wins two unlabelled pixels (0.6 and 0.1, mean 0.35), class 2 one (0.4)."""
    labeller = confident(0.5)
    fill(labeller)
    expected = torch.tensor([0.99 * 0.5 + 0.01 * 0.35, 0.99 * 0.5 + 0.01 * 0.4])
    assert torch.allclose(labeller.certainty, expected)


def test_a_class_without_pixels_keeps_its_certainty() -> None:
    labeller = confident(0.5)
    labeller.fill(torch.zeros(1, 1, 4, dtype=torch.long), PROBABILITIES.view(1, 3, 1, 4))
    assert torch.equal(labeller.certainty, torch.tensor([0.5, 0.5]))


def test_a_resumed_labeller_goes_on_where_it_was() -> None:
    first, second = confident(0.5, balance=1.0), confident(0.5, balance=1.0)
    fill(first)
    second.restore(first.state())
    assert fill(first) == fill(second)
    assert torch.equal(first.certainty, second.certainty)
