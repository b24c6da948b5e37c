"""The web process itself: gunicorn with one worker and many threads, one for each waiting request."""

import socket
import struct
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

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


class WebWorker(ThreadWorker):  # type: ignore[misc]
    """Threads that do not wait for ever for a caller who sends half a request, or does not read its reply.

    The waits are the kernel's: gunicorn itself makes the sockets of requests block without end.
    """

    def enqueue_req(self, conn: TConn) -> None:
        """Hand a connection to a thread."""
        pause = self.app.client_pause_seconds
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, _timeval(pause))
        super().enqueue_req(conn)


def _timeval(seconds: float) -> bytes:
    """The C structure `timeval`, whose seconds and microseconds are longs."""
    whole = int(seconds)
    return struct.pack("ll", whole, int(1e6 * (seconds - whole)))


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
            "worker_class": WebWorker,
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

    @property
    def client_pause_seconds(self) -> float:
        """Longest pause of a caller within a request or a reply."""
        return self._settings.client_pause_seconds

    def load(self) -> Any:
        """Make the app in gunicorn's worker process."""
        return create_app(self._settings, redis_url=self._redis_url)
