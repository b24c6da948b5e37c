"""Ridge regression from sums over many examples, cut to a small rank."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class LowRankMap:
    """A linear map in two steps: `features @ down + bias`, then `@ up`.

    Attributes:
        down: (features, rank).
        bias: (rank,).
        up: (rank, outputs); keeps lengths, and every column sums to zero.

    """

    down: Tensor
    bias: Tensor
    up: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        """Map features (N, F) to outputs (N, D)."""
        return (features @ self.down + self.bias) @ self.up


class Moments:
    """Weighted sums of features and targets.

    Args:
        features: number of features.
        outputs: number of outputs.

    """

    def __init__(self, features: int, outputs: int) -> None:
        # A column of ones behind the features gives means and the total weight.
        self._gram = torch.zeros(features + 1, features + 1, dtype=torch.float64)
        self._cross = torch.zeros(features + 1, outputs, dtype=torch.float64)

    def add(self, features: Tensor, targets: Tensor, *, weight: float = 1.0) -> None:
        """Add examples of one weight: features (N, F) and targets (N, D)."""
        extended = torch.cat((features, features.new_ones(len(features), 1)), dim=1)
        self._gram += weight * (extended.T @ extended)
        self._cross += weight * (extended.T @ targets)

    @property
    def mean_target(self) -> Tensor:
        """The weighted mean of all targets (D,)."""
        return (self._cross[-1] / self._gram[-1, -1]).float()

    def solve(self, rank: int, *, penalty: float) -> LowRankMap:
        """Return the ridge map of the largest rank below `rank` that keeps most of its predictions.

        The predictions' principal directions are kept (reduced-rank regression). The intermediate values have
        the mean square 1 and their sum is always zero, so that a layer norm on them divides by a length and
        changes nothing else; that costs one of the ranks.

        Args:
            rank: number of intermediate values.
            penalty: relative to the variance of each feature.

        """
        total = self._gram[-1, -1]
        mean, target = self._gram[-1, :-1] / total, self._cross[-1] / total
        covariance = self._gram[:-1, :-1] / total - torch.outer(mean, mean)
        cross = self._cross[:-1] / total - torch.outer(mean, target)
        variances = covariance.diagonal()
        # A feature that never varies would leave its row singular.
        ridge = penalty * torch.maximum(variances, 1e-6 * variances.mean())
        slopes = torch.linalg.solve(covariance + torch.diag(ridge), cross)
        offset = target - mean @ slopes
        predicted = slopes.T @ covariance @ slopes + torch.outer(target, target)
        kept = min(rank - 1, len(target))
        directions = torch.linalg.eigh(predicted).eigenvectors.flip(1)[:, :kept]
        up = _zero_sum_basis(rank)[:, :kept] @ directions.T
        scale = (rank / (predicted @ directions * directions).sum()).sqrt()
        return LowRankMap(
            down=(scale * slopes @ up.T).float(), bias=(scale * offset @ up.T).float(), up=up.float()
        )


def _zero_sum_basis(size: int) -> Tensor:
    """Return orthonormal columns (size, size - 1), each of which sums to zero."""
    ones = torch.ones(size, 1, dtype=torch.float64)
    spanning = torch.cat((ones, torch.eye(size, dtype=torch.float64)[:, : size - 1]), dim=1)
    basis: Tensor = torch.linalg.qr(spanning).Q
    return basis[:, 1:]
