"""What the events tell about one project since they were last looked at."""

import hashlib
from dataclasses import dataclass

from backend.event_log import EventLog
from backend.events import START_TRAINING


@dataclass(frozen=True, slots=True)
class News:
    """What has happened in a project.

    Attributes:
        last: sequence number of the newest event; 0 without any.
        starts: presses of the training button that no training has answered yet: sequence number and a short
            name of each, the oldest first.

    """

    last: int
    starts: tuple[tuple[int, str], ...] = ()


def read_news(log: EventLog, project: int, *, starts_after: int) -> News:
    """Read a project's newest event, and the presses of the button behind a sequence number."""
    presses = log.after(starts_after, project=str(project), action=START_TRAINING)
    return News(
        log.last(project=str(project)),
        tuple((number, start_name(event.version)) for number, event in presses),
    )


def start_name(version: str) -> str:
    """Return a name for one press of the training button that fits into a job's id."""
    return hashlib.sha256(version.encode()).hexdigest()[:12]
