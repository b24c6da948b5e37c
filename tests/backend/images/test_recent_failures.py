import pytest

from backend.images.errors import ImageMissingError, ImageRefusedError, ImageUnreachableError
from backend.images.recent_failures import RecentFailures


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_permanent_failure_is_told_again_until_its_time_is_over() -> None:
    clock = Clock()
    failures = RecentFailures(seconds=60, clock=clock)
    failures.remember("a", ImageMissingError("gone"))
    clock.now = 59.9
    with pytest.raises(ImageMissingError, match="gone"):
        failures.raise_if_known("a")
    failures.raise_if_known("b")
    clock.now = 60.0
    failures.raise_if_known("a")


def test_a_passing_failure_is_not_remembered() -> None:
    failures = RecentFailures(seconds=60)
    failures.remember("a", ImageUnreachableError("busy", retry_after=3))
    failures.raise_if_known("a")


def test_the_kind_of_failure_stays() -> None:
    failures = RecentFailures(seconds=60)
    failures.remember("a", ImageRefusedError("not for you", status=403))
    with pytest.raises(ImageRefusedError, match="not for you"):
        failures.raise_if_known("a")


def test_memory_is_bounded_and_the_oldest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.images.recent_failures._MOST_ENTRIES", 3)
    failures = RecentFailures(seconds=60)
    for key in range(5):
        failures.remember(key, ImageMissingError("gone"))
    failures.raise_if_known(0)
    failures.raise_if_known(1)
    for key in (2, 3, 4):
        with pytest.raises(ImageMissingError):
            failures.raise_if_known(key)
