"""What is due for a project now (pure functions).

The id of a job tells what made it due, so that however many processes ask, the job is queued once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from croniter import croniter

from backend.learning.news import News
from backend.learning.project_folder import LearningState

# Seconds after which samples are compared with Label Studio although no webhook told of anything.
RECONCILE_AFTER = 3600
# An ingest that failed for good is tried again in the next such stretch of time, in seconds.
_TRY_AGAIN_AFTER = 300


@dataclass(frozen=True, slots=True)
class DueJob:
    """A job to queue.

    Attributes:
        kind: what it does.
        job_id: unique for its cause.
        why: for people.
        period: of the schedule, for jobs that are due by time.
        alone: whether it is not queued while another training of the project runs: that one may have seen
            the same corrections, and counts them as learned when it freezes its data.

    """

    kind: Literal["ingest", "train"]
    job_id: str
    why: str
    period: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSettings:
    """When training starts by itself.

    Attributes:
        train_after: new corrections that start a training; 0 for never.
        schedule: cron expression in UTC; None for none.

    """

    train_after: int = 20
    schedule: str | None = None


def due_jobs(
    key: str, state: LearningState, news: News, *, now: float, settings: TriggerSettings
) -> list[DueJob]:
    """Return what is due: at most one ingest and one training.

    Args:
        key: the project's.
        state: what was done so far.
        news: the newest event, and presses of the button since `state.starts_read`.
        now: seconds since 1970.
        settings: when training starts by itself.

    """
    due = list(_ingest(key, state, news, now))
    if not state.gone:
        due += list(_trainings(key, state, news, now, settings))[:1]
    return due


def start_job(key: str, name: str) -> DueJob:
    """Return the training that a press of Label Studio's button asks for."""
    return DueJob("train", f"train-{key}-start-{name}", "Start Training was pressed")


def period_of(schedule: str, now: float) -> str:
    """Return a name for the schedule's newest moment that is not after `now`; later ones sort later."""
    # The expression's own moment counts as reached: croniter's previous one is strictly before its start.
    moment = croniter(schedule, datetime.fromtimestamp(now + 1e-3, UTC)).get_prev(datetime)
    return str(moment.strftime("%Y%m%d%H%M"))


def _ingest(key: str, state: LearningState, news: News, now: float) -> Iterator[DueJob]:
    stretch = int(now // _TRY_AGAIN_AFTER)
    if news.last > state.events_read:
        yield DueJob("ingest", f"ingest-{key}-{news.last}-{stretch}", "something changed in Label Studio")
    elif not state.gone and abs(now - state.ingested_at) > RECONCILE_AFTER:
        yield DueJob("ingest", f"ingest-{key}-at-{stretch}", "webhooks may have been lost")


def _trainings(
    key: str, state: LearningState, news: News, now: float, settings: TriggerSettings
) -> Iterator[DueJob]:
    if news.starts:
        yield start_job(key, news.starts[-1][1])
    if settings.schedule is not None and state.new_corrections:
        period = period_of(settings.schedule, now)
        if period > state.last_period:
            yield DueJob("train", f"train-{key}-at-{period}", f"schedule {settings.schedule}", period)
    if settings.train_after and state.new_corrections >= settings.train_after:
        yield DueJob(
            "train",
            f"train-{key}-after-{state.corrections_digest}",
            f"{state.new_corrections} new corrections",
            alone=True,
        )
