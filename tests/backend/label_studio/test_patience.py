from collections.abc import Callable

import pytest

from backend.label_studio.errors import LabelStudioUnreachableError, TokenError
from backend.label_studio.patience import with_patience


def away_for(calls: int) -> Callable[[], str]:
    """Return a call that Label Studio answers only after it failed to for some times."""
    left = iter(range(calls))

    def call() -> str:
        if next(left, None) is not None:
            raise LabelStudioUnreachableError("Label Studio does not answer")
        return "pages"

    return call


def test_an_outage_is_waited_out_longer_and_longer() -> None:
    waits: list[float] = []
    assert with_patience(away_for(4), sleep=waits.append) == "pages"
    assert waits == sorted(waits)
    assert len(waits) == 4


def test_a_label_studio_that_stays_away_is_told_after_minutes() -> None:
    waits: list[float] = []
    with pytest.raises(LabelStudioUnreachableError):
        with_patience(away_for(1000), sleep=waits.append)
    assert 60 < sum(waits) < 600


def test_another_trouble_is_told_at_once() -> None:
    def refused() -> str:
        raise TokenError("the token was withdrawn")

    with pytest.raises(TokenError):
        with_patience(refused, sleep=lambda _: pytest.fail("waited for nothing"))
