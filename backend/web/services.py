"""What the routes share, made once when the app is made."""

import secrets
from dataclasses import dataclass, field

import redis
from flask import current_app

from backend.event_log import EventLog
from backend.learning.learning_storage import LearningStorage
from backend.learning.served_version import served_version
from backend.projects import ProjectStore
from backend.settings import Settings
from backend.web.admission import Admission
from backend.web.cache_sizes import CacheSizes
from backend.web.shared_jobs import SharedJobs

_KEY = "zegclip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Settings, stores and connections of one web process.

    Attributes:
        form_token: proves that a form came from a page of this process.

    """

    settings: Settings
    model_version: str
    connection: "redis.Redis"
    projects: ProjectStore
    learning: LearningStorage
    events: EventLog
    admission: Admission
    shared_jobs: SharedJobs
    cache_sizes: CacheSizes
    form_token: str = field(default_factory=secrets.token_urlsafe)

    def version_of(self, project_key: str | None) -> str:
        """Return the version that serves a project now."""
        return served_version(self.learning, project_key, base=self.model_version)


def install(services: Services) -> None:
    """Attach services to the current app."""
    current_app.extensions[_KEY] = services


def services() -> Services:
    """Return the services of the app that handles the current request."""
    found: Services = current_app.extensions[_KEY]
    return found
