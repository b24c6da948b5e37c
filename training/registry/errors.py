"""What can go wrong with model versions, by who can mend it.

RegistryError
├── UnknownVersionError     a number that names no version: whoever gave it mends it
├── DamagedVersionError     files that differ from their checksums: the version has been put aside
├── LostFenceError          another training has taken over: this one's result is not published
└── FenceHeldError          another training of the project runs: try again later
"""

from collections.abc import Sequence
from typing import Self

from training.errors import TrainingError


class RegistryError(TrainingError):
    """Base of all errors about model versions."""


class UnknownVersionError(RegistryError):
    """No version has this number."""

    @classmethod
    def among(cls, number: int, there: Sequence[int]) -> Self:
        """Name the numbers that would do."""
        choice = ", ".join(map(str, there)) or "none yet"
        return cls(f"there is no version {number}: choose one of {choice}")


class DamagedVersionError(RegistryError):
    """A version whose files are not those that were published."""


class LostFenceError(RegistryError):
    """Whoever publishes is not the newest training of the project any more."""


class FenceHeldError(RegistryError):
    """Another process trains the project's model."""
