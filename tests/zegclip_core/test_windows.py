"""Where a model looks: whole images near its best size, or windows that cover them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zegclip_core.backbones.backbone import InputSizes
from zegclip_core.windows import Window, WindowPlan, grid_slices, plan_windows, stitch

WHOLE = InputSizes(multiple=32, long_side=320)
SLIDING = InputSizes(multiple=16, short_side=336, window=224)


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (240, 320, (256, 320)),
        (320, 213, (320, 224)),
        (1, 1, (320, 320)),
        (4000, 3000, (320, 256)),
    ],
)
def test_a_whole_image_is_brought_to_the_models_long_side(
    height: int, width: int, expected: tuple[int, int]
) -> None:
    plan = plan_windows(height, width, WHOLE)
    assert (plan.height, plan.width) == expected
    assert plan.windows == (Window(0, 0, *expected),)


def test_the_long_side_can_be_another() -> None:
    plan = plan_windows(300, 400, WHOLE, long_side=512)
    assert (plan.height, plan.width) == (384, 512)


def test_an_image_much_longer_than_wide_is_cut_along_its_length() -> None:
    plan = plan_windows(100, 2000, WHOLE)
    assert plan.height == 96
    assert {(window.height, window.width) for window in plan.windows} == {(96, 320)}
    assert len(plan.windows) > 1


def test_other_models_see_square_windows_that_overlap_by_half() -> None:
    plan = plan_windows(600, 800, SLIDING)
    assert (plan.height, plan.width) == (336, 448)
    assert [(window.top, window.left) for window in plan.windows] == [
        (top, left) for top in (0, 112) for left in (0, 112, 224)
    ]
    assert {(window.height, window.width) for window in plan.windows} == {(224, 224)}


@given(
    st.integers(1, 6000),
    st.integers(1, 6000),
    st.sampled_from([WHOLE, SLIDING, InputSizes(multiple=14, short_side=504, window=336)]),
)
def test_windows_cover_every_image_and_fit_the_model(height: int, width: int, sizes: InputSizes) -> None:
    if max(height, width) > 60 * min(height, width):
        height = width = max(height, width)
    plan = plan_windows(height, width, sizes)
    covered = np.zeros((plan.height // sizes.multiple, plan.width // sizes.multiple), bool)
    for window in plan.windows:
        for length in (window.top, window.left, window.height, window.width):
            assert length % sizes.multiple == 0
        assert window.top + window.height <= plan.height
        assert window.left + window.width <= plan.width
    for rows, columns in grid_slices(plan, sizes.multiple):
        covered[rows, columns] = True
    assert covered.all()


def test_scores_are_averaged_where_windows_overlap() -> None:
    plan = WindowPlan(16, 48, (Window(0, 0, 16, 32), Window(0, 16, 16, 32)))
    first, second = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[4.0, 8.0]]])
    assert stitch(plan, [first, second], stride=16).tolist() == [[[1.0, 3.0, 8.0]]]


def test_a_single_window_is_the_whole() -> None:
    scores = torch.randn(2, 3, 4)
    assert stitch(WindowPlan(48, 64, (Window(0, 0, 48, 64),)), [scores], stride=16) is scores
