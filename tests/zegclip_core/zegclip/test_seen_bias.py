"""Seen classes give way a little in probability."""

import numpy as np
import torch

from zegclip_core.zegclip.seen_bias import biased_probabilities


def test_the_bias_is_taken_from_the_probability_of_seen_classes_only() -> None:
    logits = torch.tensor([0.0, 1.0, -2.0]).view(1, 3, 1, 1)
    scores = biased_probabilities(logits, torch.tensor([True, False, True])).flatten()
    expected = [1 / 2 - 0.1, 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(2)) - 0.1]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_an_unseen_class_a_little_behind_wins() -> None:
    logits = torch.logit(torch.tensor([0.60, 0.55])).view(1, 2, 1, 1)
    seen = torch.tensor([True, False])
    assert int(biased_probabilities(logits, seen, 0.0).argmax()) == 0
    assert int(biased_probabilities(logits, seen, 0.1).argmax()) == 1
