import torch

from training.label_mapping import IGNORED, UNLABELLED
from training.self_training import UNSURE, ConfidentLabels, ReleasedLabels
from training.setting_groups import SelfTrainingSettings

# Three queries, 0 seen, 1 and 2 unseen; four pixels in a row.
PROBABILITIES = torch.tensor([[0.9, 0.9, 0.9, 0.9], [0.6, 0.2, 0.1, 0.6], [0.5, 0.4, 0.05, 0.5]])
TARGETS = torch.tensor([[UNLABELLED, UNLABELLED, UNLABELLED, IGNORED]])


def confident(kept_share: float, balance: float = 1.0) -> ConfidentLabels:
    return ConfidentLabels((1, 2), settings=SelfTrainingSettings(kept_share=kept_share, balance=balance))


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


def test_of_the_pixels_that_a_class_wins_the_surest_share_is_written() -> None:
    """Class 1 wins two unlabelled pixels (0.6 and 0.1), class 2 one (0.4)."""
    assert fill(confident(1.0)) == [1, 2, 1, IGNORED]
    assert fill(confident(0.5)) == [1, 2, UNSURE, IGNORED]


def test_without_balance_the_share_is_of_all_unseen_classes_together() -> None:
    assert fill(confident(0.6, balance=0.0)) == [1, 2, UNSURE, IGNORED]
    assert fill(confident(0.3, balance=0.0)) == [1, UNSURE, UNSURE, IGNORED]


def test_a_class_that_nobody_believes_in_yet_gets_its_pixels_too() -> None:
    """However small the probabilities are: only their order counts."""
    filled = confident(0.5).fill(TARGETS.view(1, 1, 4), 0.001 * PROBABILITIES.view(1, 3, 1, 4))
    assert filled.flatten().tolist() == [1, 2, UNSURE, IGNORED]


def test_thresholds_follow_by_a_tenth() -> None:
    labeller = confident(0.5)
    fill(labeller)
    assert torch.allclose(labeller.thresholds(), torch.tensor([0.6, 0.4]))
    labeller.fill(TARGETS.view(1, 1, 4), 0.5 * PROBABILITIES.view(1, 3, 1, 4))
    assert torch.allclose(labeller.thresholds(), torch.tensor([0.57, 0.38]))


def test_a_class_without_pixels_keeps_its_threshold() -> None:
    labeller = confident(0.5)
    fill(labeller)
    labeller.fill(torch.zeros(1, 1, 4, dtype=torch.long), PROBABILITIES.view(1, 3, 1, 4))
    assert torch.allclose(labeller.thresholds(), torch.tensor([0.6, 0.4]))


def test_before_a_class_has_won_a_pixel_nothing_is_written_for_it() -> None:
    labelled = torch.zeros(1, 1, 4, dtype=torch.long)
    labeller = confident(0.5)
    assert torch.equal(labeller.fill(labelled, PROBABILITIES.view(1, 3, 1, 4)), labelled)
    assert labeller.thresholds().isnan().all()


def test_a_resumed_labeller_goes_on_where_it_was() -> None:
    first, second = confident(0.5), confident(0.5)
    fill(first)
    second.restore(first.state())
    assert fill(first) == fill(second)
    assert torch.equal(first.thresholds(), second.thresholds())
