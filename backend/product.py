"""The whole product on one machine: queue server, web process, workers, scheduler."""

import logging
import os
import sys
import time
from collections.abc import Callable
from types import TracebackType

import requests
from filelock import FileLock, Timeout

from backend.errors import AlreadyRunningError, BackendError
from backend.queueing.address import embedded_server
from backend.settings import LOOPBACK_HOSTS, Settings
from backend.supervisor import Child, Supervisor
from backend.web.auth import require_safe_address
from backend.web.port import require_free_port
from zegclip_core.backbones.notation import parse_notation

_log = logging.getLogger(__name__)

_READY_POLL_SECONDS = 0.25


class NotReadyError(BackendError):
    """A part of the product did not come up."""


class Product:
    """Everything that `zegclip start` runs; a context manager that ends what it started.

    Args:
        settings: everything the operator chose.

    """

    def __init__(self, *, settings: Settings) -> None:
        self.settings = settings
        self.queue_server = None if settings.redis_url else embedded_server(settings.data_dir)
        self.redis_url = settings.redis_url or embedded_server(settings.data_dir).url
        self.supervisor = Supervisor(children=self._children())
        self._lock = FileLock(settings.data_dir / "start.lock")

    @property
    def url(self) -> str:
        """The web process's address, as Label Studio on this machine reaches it."""
        host = self.settings.host if self.settings.host in LOOPBACK_HOSTS else "127.0.0.1"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.settings.port}"

    def start(self) -> None:
        """Take the data folder and the port, then start every part.

        Raises `AlreadyRunningError`, `SettingsError` (port taken, unsafe address), `UnknownModelError`
        or `QueueServerError`, before anything was started.
        """
        require_safe_address(self.settings)
        parse_notation(self.settings.model)
        self._take_folder()
        try:
            require_free_port(self.settings.host, self.settings.port)
            if self.queue_server is not None:
                self.queue_server.start()
            self.supervisor.start()
        except BaseException:
            self.stop()
            raise

    def wait_until_ready(self, *, timeout: float, tick: Callable[[float], None] | None = None) -> None:
        """Wait until predictions can be made; raises `NotReadyError` when a part ended or time is up.

        Args:
            timeout: longest wait in seconds.
            tick: called with the seconds waited so far, for progress.

        """
        started = time.monotonic()
        while not self._answers():
            waited = time.monotonic() - started
            ended = [child.name for child in self.supervisor.children if child.exit_code is not None]
            if ended:
                raise NotReadyError(f"{', '.join(ended)} ended while starting: its last lines above tell why")
            if waited > timeout:
                raise NotReadyError(f"not ready after {timeout:.0f} s: see the lines above")
            if self.supervisor.stopping:
                return
            self._keep_queue_server()
            if tick is not None:
                tick(waited)
            time.sleep(_READY_POLL_SECONDS)

    def watch(self, *, also: Callable[[], None] = lambda: None) -> None:
        """Keep every part alive until `request_stop`.

        Args:
            also: called at every round; what it raises ends the watch.

        """

        def every_round() -> None:
            self._keep_queue_server()
            also()

        self.supervisor.watch(also=every_round)

    def request_stop(self) -> None:
        """Make `watch` return; may be called from a signal handler."""
        self.supervisor.request_stop()

    def stop(self) -> None:
        """End every part, the queue server last, and free the data folder."""
        self.supervisor.stop()
        if self.queue_server is not None:
            self.queue_server.stop()
        self._lock.release()

    def __enter__(self) -> "Product":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _children(self) -> list[Child]:
        environment = os.environ | self.settings.as_environment() | {"REDIS_URL": self.redis_url}
        program = [sys.executable, "-m", "backend.supervised"]
        # The web process ends first: the requests it still holds need the workers.
        return [
            Child("scheduler", [*program, "scheduler"], environment),
            Child("ingest worker", [*program, "worker", "ingest"], environment),
            Child("training worker", [*program, "worker", "training"], environment),
            Child("inference worker", [*program, "worker", "inference"], environment),
            Child("web", [*program, "web"], environment),
        ]

    def _take_folder(self) -> None:
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise AlreadyRunningError(
                f"`zegclip start` already runs on {self.settings.data_dir}: use it, end it, "
                "or give this one another folder with --data-dir"
            ) from None

    def _keep_queue_server(self) -> None:
        if self.queue_server is not None and self.queue_server.exit_code is not None:
            _log.warning(
                "the queue server ended with code %s: starting it again", self.queue_server.exit_code
            )
            self.queue_server.start()

    def _answers(self) -> bool:
        # /status and /ready need authentication where it is set; the secret is at hand here.
        user, password = self.settings.basic_auth_user, self.settings.basic_auth_pass
        auth = (user, password.get_secret_value()) if user and password else None
        try:
            return requests.get(f"{self.url}/ready", timeout=2, auth=auth).ok
        except requests.RequestException:
            return False
