"""What a check found."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor.

    Attributes:
        check: what was looked at.
        state: ok; warning: works, but not as it should; failed: does not work.
        words: what was seen.
        cure: what to do; empty when all is well.

    """

    check: str
    state: State
    words: str
    cure: str = ""


def ok(check: str, words: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check, "ok", words)


def warning(check: str, words: str, cure: str) -> Finding:
    """Return a finding that something works, but not as it should."""
    return Finding(check, "warning", words, cure)


def failed(check: str, words: str, cure: str) -> Finding:
    """Return a finding that something does not work."""
    return Finding(check, "failed", words, cure)
