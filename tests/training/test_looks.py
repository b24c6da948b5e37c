import pytest

from training.looks import plan_look
from training.setting_groups import EvaluationSettings
from zegclip_core.backbones.backbone import InputSizes
from zegclip_core.windows import Window, plan_windows

PATCHES = InputSizes(multiple=16, short_side=512, window=512)
WHOLE = InputSizes(multiple=32, long_side=320)


def test_without_settings_images_are_seen_as_predictions_see_them() -> None:
    assert plan_look(300, 500, WHOLE, None) == plan_windows(300, 500, WHOLE)


def test_released_recipe_on_a_voc_photograph() -> None:
    """375x500 to a short side of 512: 512x683; windows at 0 and, ending at the border, at 171."""
    plan = plan_look(375, 500, PATCHES, EvaluationSettings())
    assert (plan.height, plan.width) == (512, 683)
    assert plan.windows == (Window(0, 0, 512, 512), Window(0, 171, 512, 512))


def test_windows_of_a_panorama_move_by_the_stride() -> None:
    plan = plan_look(400, 1400, PATCHES, EvaluationSettings())
    assert [window.left for window in plan.windows] == [0, 426, 852, 1278, 1280]
    assert plan.width == 1792


def test_the_longer_side_stays_within_its_limit_but_a_window_always_fits() -> None:
    plan = plan_look(100, 1000, PATCHES, EvaluationSettings(long_side=2048))
    assert (plan.height, plan.width) == (512, 2048)


@pytest.mark.parametrize(("height", "width", "expected"), [(240, 320, (256, 320)), (640, 480, (320, 256))])
def test_whole_images_are_multiples_of_what_the_model_needs(
    height: int, width: int, expected: tuple[int, int]
) -> None:
    settings = EvaluationSettings(short_side=0, long_side=320, window=0)
    plan = plan_look(height, width, WHOLE, settings)
    assert (plan.height, plan.width) == expected
    assert plan.windows == (Window(0, 0, *expected),)
