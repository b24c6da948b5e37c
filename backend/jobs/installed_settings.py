"""The settings of a worker of learning, which the children that it forks inherit."""

from backend.errors import BackendError
from backend.settings import Settings


class NoSettingsError(BackendError):
    """A job of learning runs in a process that is none of its workers."""


_installed: list[Settings] = []


def install_settings(settings: Settings) -> None:
    """Make settings those of this process and of the children that it forks."""
    _installed[:] = [settings]


def installed_settings() -> Settings:
    """Return the settings of this process; raises `NoSettingsError` when none were installed."""
    if not _installed:
        raise NoSettingsError(
            "jobs of learning belong to `zegclip worker training` and `zegclip worker ingest`"
        )
    return _installed[0]
