import pytest

from training.schedule import learning_rate
from training.setting_groups import OptimisationSettings


def rate(iteration: int, **changes: float) -> float:
    values = {"learning_rate": 1.0, "power": 1.0, "smallest_rate": 0.0, "warmup": 0} | changes
    return learning_rate(iteration, iterations=100, settings=OptimisationSettings(**values))


def test_the_rate_falls_by_the_polynomial() -> None:
    assert rate(0) == 1.0
    assert rate(25) == 0.75
    assert rate(75, power=2.0) == 0.0625


def test_the_rate_never_falls_below_its_floor() -> None:
    assert rate(100, smallest_rate=0.1) == pytest.approx(0.1)
    assert rate(50, smallest_rate=0.1) == pytest.approx(0.9 * 0.5 + 0.1)


def test_a_floor_above_the_peak_does_not_lift_the_rate() -> None:
    assert rate(50, learning_rate=1e-7, smallest_rate=1e-6) == pytest.approx(1e-7)


def test_warm_up_multiplies_the_decay_with_a_line_from_its_ratio_to_one() -> None:
    assert rate(0, warmup=10, warmup_ratio=0.1) == pytest.approx(0.1)
    assert rate(5, warmup=10, warmup_ratio=0.1) == pytest.approx(0.95 * 0.55)
    assert rate(10, warmup=10, warmup_ratio=0.1) == pytest.approx(0.9)


def test_released_recipe_after_warm_up() -> None:
    """mmcv: (2e-4 - 1e-6) * (1 - 10000/20000)^0.9 + 1e-6, worked out by hand."""
    middle = learning_rate(10_000, iterations=20_000, settings=OptimisationSettings())
    assert middle == pytest.approx(1.07641e-4, rel=1e-4)
