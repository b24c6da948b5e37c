"""Closed-form regression: what it recovers, what a small rank keeps of it, and the form of its tokens."""

import torch

from training.pretrain.ridge import Moments


def moments_of(features: torch.Tensor, targets: torch.Tensor) -> Moments:
    moments = Moments(features.shape[1], targets.shape[1])
    moments.add(features, targets)
    return moments


def linear_data(outputs: int = 4, rank: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(500, 6, generator=generator) + 2
    slopes = torch.randn(6, rank, generator=generator) @ torch.randn(rank, outputs, generator=generator)
    return features, features @ slopes + torch.randn(outputs, generator=generator)


def test_a_linear_relation_is_found_up_to_its_scale() -> None:
    features, targets = linear_data()
    predicted = moments_of(features, targets).solve(8, penalty=1e-9)(features)
    scale = predicted.norm() / targets.norm()
    torch.testing.assert_close(predicted, scale * targets, rtol=1e-3, atol=1e-3)


def test_a_small_rank_suffices_for_a_relation_of_that_rank() -> None:
    features, targets = linear_data(outputs=10, rank=2)
    # One rank more for the constant part, one that is lost to the sum of zero.
    predicted = moments_of(features, targets).solve(4, penalty=1e-9)(features)
    assert torch.cosine_similarity(predicted, targets).min() > 0.999


def test_a_rank_too_small_keeps_the_larger_part() -> None:
    features = torch.randn(400, 2, generator=torch.Generator().manual_seed(1))
    targets = torch.stack((10 * features[:, 0], features[:, 1]), dim=1)
    predicted = moments_of(features, targets).solve(2, penalty=1e-9)(features)
    assert torch.cosine_similarity(predicted, targets).mean() > 0.9


def test_tokens_sum_to_zero_and_have_the_mean_square_one() -> None:
    features, targets = linear_data()
    mapped = moments_of(features, targets).solve(16, penalty=0.01)
    tokens = features @ mapped.down + mapped.bias
    assert tokens.sum(dim=1).abs().max() < 1e-4
    assert 0.9 < tokens.square().mean() < 1.1
    normed = torch.nn.functional.layer_norm(tokens, (16,))
    assert torch.cosine_similarity(normed @ mapped.up, tokens @ mapped.up).min() > 0.999


def test_weights_decide_between_examples_that_contradict_each_other() -> None:
    features = torch.randn(50, 3, generator=torch.Generator().manual_seed(2))
    one, other = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    moments = Moments(3, 2)
    moments.add(features, one.expand(50, 2), weight=3)
    moments.add(features, other.expand(50, 2), weight=1)
    predicted = moments.solve(4, penalty=0.1)(features)
    torch.testing.assert_close(predicted[:, 1] / predicted[:, 0], torch.full((50,), 1 / 3), rtol=1e-3, atol=0)


def test_more_penalty_means_smaller_slopes_and_a_dead_feature_is_no_trouble() -> None:
    features, targets = linear_data()
    features = torch.cat((features, torch.zeros(len(features), 1)), dim=1)
    spread = [
        moments_of(features, targets).solve(8, penalty=penalty)(features).std(dim=0).mean()
        for penalty in (1e-6, 10.0)
    ]
    assert torch.isfinite(torch.stack(spread)).all()
    assert spread[1] < spread[0]
