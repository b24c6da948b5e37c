"""Lonely patches are found and filled from their neighbours on the grid."""

import numpy as np
import pytest
import torch

from tests.zegclip_core.surgery.reference import filled, lonely
from zegclip_core.surgery.outliers import fill_outliers, outlier_mask


@pytest.mark.parametrize("seed", range(3))
def test_outliers_are_those_of_the_definition(seed: int) -> None:
    patches = torch.randn(1, 56, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    expected = lonely(patches[0].numpy())
    assert outlier_mask(patches)[0].tolist() == expected.tolist()
    assert 1 <= expected.sum() <= 3


def test_a_patch_far_from_all_others_is_one() -> None:
    patches = torch.randn(2, 49, 8, generator=torch.Generator().manual_seed(0))
    patches[1, 20] += 100
    assert outlier_mask(patches)[1, 20]
    assert not outlier_mask(patches)[0, 20]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_so_few_patches_have_no_outlier(count: int) -> None:
    assert not outlier_mask(torch.randn(1, count, 4)).any()


def test_equal_patches_have_no_outlier() -> None:
    assert not outlier_mask(torch.ones(1, 16, 4)).any()


def test_places_are_filled_with_the_mean_of_their_sound_neighbours() -> None:
    generator = torch.Generator().manual_seed(3)
    grid = (4, 6)
    patches = torch.randn(2, 24, 5, generator=generator)
    outliers = torch.rand(2, 24, generator=generator) < 0.3
    result = fill_outliers(patches, outliers, grid)
    for image in range(2):
        expected = filled(patches[image].double().numpy(), outliers[image].numpy(), grid)
        np.testing.assert_allclose(result[image].numpy(), expected, rtol=1e-4, atol=1e-5)


def test_an_outlier_among_outliers_stays() -> None:
    patches = torch.randn(1, 9, 2)
    torch.testing.assert_close(fill_outliers(patches, torch.ones(1, 9, dtype=torch.bool), (3, 3)), patches)
