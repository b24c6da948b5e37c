import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from zegclip_core.prompt_kernel import PromptKernel, Reach


def unit_features(seed: int, *, cells: int = 6, channels: int = 8) -> NDArray[np.float32]:
    features = np.random.default_rng(seed).normal(size=(channels, cells, cells)).astype(np.float32)
    normed: NDArray[np.float32] = features / np.linalg.norm(features, axis=0)
    return normed


def kernel_for(
    points: list[tuple[float, float]], *, seed: int = 0, reach: Reach | None = None
) -> PromptKernel:
    image = np.random.default_rng(seed).integers(0, 255, (48, 48, 3)).astype(np.uint8)
    return PromptKernel(
        unit_features(seed), image, (24, 24), np.array(points), reach=reach or Reach()
    )  # fmt: skip


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=12),
    st.integers(0, 5),
)
def test_covariances_among_prompts_are_symmetric_and_positive(
    points: list[tuple[float, float]], seed: int
) -> None:
    among = kernel_for(points, seed=seed).among_prompts().astype(np.float64)
    assert np.allclose(among, among.T, atol=1e-4)
    assert np.linalg.eigvalsh(among).min() > -1e-3


def test_a_prompt_and_its_own_place_covary_by_all_amplitudes() -> None:
    reach = Reach(alike=5, everywhere=2, near=3)
    kernel = kernel_for([(0.5, 0.5), (0.1, 0.9)], reach=reach)
    assert np.allclose(np.diag(kernel.among_prompts()), 10, atol=1e-4)


def test_the_covariance_falls_with_distance_and_unlikeness() -> None:
    reach = Reach(alike=1, everywhere=0, near=0)
    features = np.ones((1, 4, 4), np.float32)
    grey = np.full((16, 16, 3), 128, np.uint8)
    kernel = PromptKernel(features, grey, (16, 16), np.array([(0.5, 0.5)]), reach=reach)
    along = kernel.to_places()[0, 8, 8:]
    assert (np.diff(along) < 0).all()
    features[:, :, 2:] = -1
    unlike = PromptKernel(features, grey, (16, 16), np.array([(0.2, 0.5)]), reach=reach).to_places()[0]
    assert unlike[8, 2] > 100 * unlike[8, 13]


def test_colour_counts_for_what_is_near_alone() -> None:
    reach = Reach(alike=0, everywhere=0, near=1, nearness=0.5)
    image = np.zeros((16, 16, 3), np.uint8)
    image[:, 8:] = 255
    features = unit_features(0)
    found = PromptKernel(features, image, (16, 16), np.array([(0.25, 0.5)]), reach=reach).to_places()[0]
    assert found[8, 6] > 0.5
    assert found[8, 9] < 0.01


def test_cells_of_prompts_lie_on_the_grid() -> None:
    kernel = kernel_for([(0.0, 0.0), (1.0, 1.0), (0.5, 0.25)])
    assert kernel.rows.tolist() == [0, 23, 6]
    assert kernel.columns.tolist() == [0, 23, 12]


@pytest.mark.parametrize("cells", [1, 2, 7])
def test_any_grid_of_patches_does(cells: int) -> None:
    image = np.zeros((10, 14, 3), np.uint8)
    kernel = PromptKernel(
        unit_features(1, cells=cells), image, (10, 14), np.array([(0.0, 1.0), (0.9, 0.1)]), reach=Reach()
    )
    assert kernel.to_places().shape == (2, 10, 14)
    assert np.isfinite(kernel.to_places()).all()
