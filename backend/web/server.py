"""The web process itself: gunicorn with one worker and many threads, one for each waiting request."""

from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger

from backend.settings import Settings
from backend.web.app import create_app

# Threads beyond the waiting predict requests, so that /health and /webhook never stand behind them.
_SPARE_THREADS = 16
# Shorter than what the supervisor gives everything together.
_GRACEFUL_SECONDS = 20


class WebLogger(Logger):  # type: ignore[misc]
    """Gunicorn's own lines, sent through the process's logging: one line each, without secrets."""

    def setup(self, cfg: Config) -> None:
        """Leave the handlers away that gunicorn would add for itself."""
        super().setup(cfg)
        self.error_log.handlers[:] = []
        self.error_log.propagate = True


class WebServer(BaseApplication):  # type: ignore[misc]
    """Gunicorn without a configuration file.

    Args:
        settings: everything the operator chose.
        redis_url: the queue server, configured or embedded.

    """

    def __init__(self, *, settings: Settings, redis_url: str) -> None:
        self._settings = settings
        self._redis_url = redis_url
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's options."""
        options: dict[str, Any] = {
            "bind": f"{self._settings.host}:{self._settings.port}",
            "workers": 1,
            "threads": self._settings.max_waiting_requests + _SPARE_THREADS,
            "worker_class": "gthread",
            # A predict request may wait as long as its deadline; the arbiter must not take that for a hang.
            "timeout": int(self._settings.predict_deadline_seconds) + _GRACEFUL_SECONDS,
            "graceful_timeout": _GRACEFUL_SECONDS,
            "keepalive": 30,
            "proc_name": "zegclip-web",
            "errorlog": "-",
            "logger_class": WebLogger,
            # Its socket would lie in the home folder, one for all servers of a user.
            "control_socket_disable": True,
            "loglevel": self._settings.log_level.lower(),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Make the app in gunicorn's worker process."""
        return create_app(self._settings, redis_url=self._redis_url)
