"""When ingests and trainings are due."""

from datetime import UTC, datetime

import pytest

from backend.learning.news import News
from backend.learning.project_folder import LearningState
from backend.learning.trigger import RECONCILE_AFTER, DueJob, TriggerSettings, due_jobs, period_of

KEY = "7-1790841600"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC).timestamp()
CALM = LearningState(ingested_at=NOW, events_read=5)


def due(
    state: LearningState = CALM,
    news: News | None = None,
    *,
    now: float = NOW,
    train_after: int = 20,
    schedule: str | None = None,
) -> list[DueJob]:
    settings = TriggerSettings(train_after=train_after, schedule=schedule)
    return due_jobs(KEY, state, news or News(5), now=now, settings=settings)


def trainings(one: LearningState, *, now: float = NOW, schedule: str) -> list[DueJob]:
    return [job for job in due(one, now=now, schedule=schedule) if job.kind == "train"]


def state(**changes: object) -> LearningState:
    values: dict[str, object] = {"ingested_at": NOW, "events_read": 5}
    return LearningState(**(values | changes))  # type: ignore[arg-type]


def test_nothing_happened_nothing_is_due() -> None:
    assert due() == []


def test_an_event_asks_for_an_ingest_once() -> None:
    first, again = due(news=News(6)), due(news=News(6), now=NOW + 1)
    assert [job.kind for job in first] == ["ingest"]
    assert first == again


def test_an_ingest_that_failed_is_asked_for_again_later() -> None:
    assert due(news=News(6))[0].job_id != due(news=News(6), now=NOW + 600)[0].job_id


def test_without_any_webhook_samples_are_compared_now_and_then() -> None:
    assert [job.kind for job in due(now=NOW + RECONCILE_AFTER + 1)] == ["ingest"]


@pytest.mark.parametrize(("corrections", "expected"), [(19, []), (20, ["train"]), (200, ["train"])])
def test_training_by_number_of_new_corrections(corrections: int, expected: list[str]) -> None:
    assert [job.kind for job in due(state(new_corrections=corrections))] == expected


def test_the_same_corrections_have_the_same_job() -> None:
    one, other = (
        state(new_corrections=20, corrections_digest="a"),
        state(new_corrections=21, corrections_digest="b"),
    )
    assert due(one) == due(one, now=NOW + 50)
    assert due(one)[0].job_id != due(other)[0].job_id


def test_zero_switches_training_by_number_off() -> None:
    assert due(state(new_corrections=500), train_after=0) == []


def test_the_button_trains_even_without_new_corrections_and_each_press_counts_once() -> None:
    pressed = due(news=News(5, starts=((4, "aa"), (5, "bb"))))
    assert [job.job_id for job in pressed] == [f"train-{KEY}-start-bb"]


def test_the_schedule_trains_once_per_period_when_there_is_something_new() -> None:
    nightly = "0 3 * * *"
    new = state(new_corrections=1)
    periods = [trainings(new, now=NOW + hours * 3600, schedule=nightly) for hours in (0, 5, 16)]
    assert [one[0].period for one in periods] == ["202611240300", "202611240300", "202611250300"]
    assert trainings(state(), schedule=nightly) == []


def test_an_answered_period_does_not_come_again_when_the_clock_jumps_back() -> None:
    new = state(new_corrections=1, last_period="202611240300")
    assert trainings(new, schedule="0 3 * * *") == []
    assert trainings(new, now=NOW - 40 * 3600, schedule="0 3 * * *") == []


def test_at_most_one_training_is_due_at_once() -> None:
    jobs = due(state(new_corrections=99), News(5, starts=((5, "aa"),)), schedule="* * * * *")
    assert len(jobs) == 1


def test_a_project_that_is_gone_is_left_alone_until_it_speaks_again() -> None:
    gone = state(gone=True, new_corrections=50)
    assert due(gone, now=NOW + 10 * RECONCILE_AFTER) == []
    assert [job.kind for job in due(gone, News(6))] == ["ingest"]


def test_a_period_begins_at_its_own_moment() -> None:
    three = datetime(2026, 11, 24, 3, 0, tzinfo=UTC).timestamp()
    assert period_of("0 3 * * *", three) == "202611240300"
    assert period_of("0 3 * * *", three - 1) == "202611230300"


def test_job_ids_hold_only_what_the_queue_allows() -> None:
    jobs = due(state(new_corrections=20, corrections_digest="0f"), News(9, starts=((9, "aa"),)))
    assert all(set(job.job_id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for job in jobs)
