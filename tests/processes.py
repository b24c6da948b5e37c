"""Real processes for tests: a queue server, web processes and workers on a data folder of their own.

`installation` is shared by the whole suite: its queue server runs, its web process and its inference worker
with the embedded model start at the first test that asks for `web` or `inference_worker`. A test that kills,
stops or configures something makes its own with `new_installation`.
"""

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import redis
import requests

from backend.queueing.address import embedded_server
from backend.queueing.connection import connect
from backend.queueing.workers import alive_workers
from tests.label_studio import unused_port

# Far above what is ever needed: a busy machine must not fail a test.
PATIENCE_SECONDS = 240.0
_POLL_SECONDS = 0.05
# What the person who runs the tests has set must not reach the processes under test.
_OWN_VARIABLES = ("ZEGCLIP_", "REDIS_URL", "LABEL_STUDIO_", "BASIC_AUTH_")


def wait_until(condition: Callable[[], object], what: str, *, patience: float = PATIENCE_SECONDS) -> None:
    """Return as soon as the condition holds; fail the test when it does not within the patience (seconds)."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {patience:.0f} s in vain until {what}")
        time.sleep(_POLL_SECONDS)


def data_url(content: bytes, *, kind: str = "image/jpeg") -> str:
    """Return an image file as an address that needs no server."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def clean_environment(**extra: str) -> dict[str, str]:
    """Return this process's environment without settings of the product, plus `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_VARIABLES)}
    return {**kept, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **extra}


def children(pid: int) -> list[int]:
    """Return the ids of a process's own children (Linux)."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


class BackendProcess:
    """One `python -m backend …` with its output in a file.

    Args:
        arguments: the command line behind `python -m backend`.
        environment: the whole environment of the process.
        log: the file that gets standard output and standard error.

    """

    def __init__(self, *arguments: str, environment: Mapping[str, str], log: Path) -> None:
        self.arguments = arguments
        self.log = log
        with log.open("ab") as file:
            # A session of its own: `kill` and `end` reach everything that it started, and nothing else.
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "backend", *arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.popen.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None while the process lives."""
        return self.popen.poll()

    def log_text(self) -> str:
        """Everything the process has written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to this process alone, by its id."""
        os.kill(self.pid, number)

    def wait(self, *, patience: float = PATIENCE_SECONDS) -> int:
        """Return the exit code of a process that is about to end."""
        try:
            return self.popen.wait(patience)
        except subprocess.TimeoutExpired:
            pytest.fail(f"{' '.join(self.arguments)} did not end:\n{self.log_text()}")

    def kill(self) -> None:
        """SIGKILL, to it and to everything it started: what a power cut or the OOM killer does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait()

    def end(self) -> int:
        """SIGTERM, then SIGKILL if it does not help; returns the exit code."""
        if self.exit_code is None:
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(PATIENCE_SECONDS)
        self.kill()
        return int(self.popen.returncode)


class WebProcess(BackendProcess):
    """A `python -m backend web` that answers under `url`."""

    def __init__(self, *arguments: str, environment: Mapping[str, str], log: Path) -> None:
        self.port = unused_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__("web", "--port", str(self.port), *arguments, environment=environment, log=log)

    def get(self, path: str, **options: Any) -> requests.Response:
        """Send a GET request, for example `get("/health")`."""
        return requests.get(self.url + path, timeout=PATIENCE_SECONDS, **options)

    def post(self, path: str, body: object = None, **options: Any) -> requests.Response:
        """Send a POST request with a JSON body, or with `data=` and `headers=` as given."""
        return requests.post(self.url + path, json=body, timeout=PATIENCE_SECONDS, **options)

    def answers(self) -> bool:
        """Whether /health answers now."""
        try:
            return requests.get(f"{self.url}/health", timeout=PATIENCE_SECONDS).ok
        except requests.ConnectionError:
            return False


class Installation:
    """A data folder with its queue server and the processes that run on it; a context manager ends them all.

    Args:
        folder: for data and logs; its path should be short, the queue server's socket lies in it.
        environment: settings for every process, such as `ZEGCLIP_BATCH_SIZE="2"`.

    """

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.environment = {
            # Nothing listens there: a test that needs a Label Studio names one.
            "LABEL_STUDIO_URL": "http://127.0.0.1:9",
            "ZEGCLIP_DATA_DIR": str(self.data_dir),
            "ZEGCLIP_THREADS": "1",
            "ZEGCLIP_DEVICE": "cpu",
            **environment,
        }
        self.queue_server = embedded_server(self.data_dir)
        self.processes: list[BackendProcess] = []
        self._connection: redis.Redis | None = None

    @property
    def redis_url(self) -> str:
        """The queue server's address."""
        return self.environment.get("REDIS_URL", self.queue_server.url)

    @property
    def connection(self) -> "redis.Redis":
        """A client of the queue server."""
        if self._connection is None:
            self._connection = connect(self.redis_url)
        return self._connection

    def start_queue_server(self) -> None:
        """Start the embedded queue server; after `kill_queue_server` with what its file kept."""
        self.queue_server.start()

    def kill_queue_server(self) -> None:
        """SIGKILL the queue server."""
        process = self.queue_server._process
        assert process is not None
        process.kill()
        process.wait()

    def start(self, *arguments: str, **environment: str) -> BackendProcess:
        """Start `python -m backend …`, without waiting for anything."""
        process = BackendProcess(
            *arguments, environment=self._environment(environment), log=self._log(arguments[0])
        )
        self.processes.append(process)
        return process

    def start_web(self, *arguments: str, **environment: str) -> WebProcess:
        """Start a web process on a free port and wait until it answers."""
        process = WebProcess(
            *arguments,
            environment=self._environment({"REDIS_URL": self.redis_url} | environment),
            log=self._log("web"),
        )
        self.processes.append(process)
        self.wait_for(process, process.answers, "the web process answers")
        return process

    def start_worker(self, kind: str = "inference", *arguments: str, **environment: str) -> BackendProcess:
        """Start a worker and wait until it takes jobs."""
        before = self._worker_pids()
        process = self.start("worker", kind, *arguments, **({"REDIS_URL": self.redis_url} | environment))
        self.wait_for(process, lambda: self._worker_pids() - before, f"the {kind} worker takes jobs")
        return process

    def wait_for(self, process: BackendProcess, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition while a process lives; fails with the process's log when it ends."""

        def met() -> object:
            if process.exit_code is not None:
                pytest.fail(f"{' '.join(process.arguments)} ended:\n{process.log_text()}")
            return condition()

        wait_until(met, what)

    def log_texts(self) -> str:
        """Everything that any process of this installation has written, the queue server included."""
        logs = [*self.folder.glob("*.log"), *self.data_dir.rglob("*.log")]
        return "\n".join(log.read_text(encoding="utf-8", errors="replace") for log in logs)

    def __enter__(self) -> "Installation":
        self.start_queue_server()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self.processes:
            process.kill()
        if self._connection is not None:
            self._connection.close()
        self.queue_server.stop()

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        return clean_environment(**(self.environment | extra))

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}-{len(self.processes)}.log"

    def _worker_pids(self) -> set[int]:
        return {worker.pid for worker in alive_workers(self.connection)}


MakeInstallation = Callable[..., Installation]


@pytest.fixture(autouse=True)
def signal_handlers_are_put_back() -> Iterator[None]:
    """Undo what a worker that ran inside a test did to the way in which the suite itself is ended."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.fixture
def new_installation() -> Iterator[MakeInstallation]:
    """Make installations that end with the test: `new_installation(ZEGCLIP_BATCH_SIZE="2")`."""
    with contextlib.ExitStack() as stack:

        def make(**environment: str) -> Installation:
            folder = stack.enter_context(short_folder())
            return stack.enter_context(Installation(folder, **environment))

        yield make


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A folder whose path leaves room for a unix socket, which pytest's own may not."""
    folder = Path(tempfile.mkdtemp(prefix="zegclip-test-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def installation() -> Iterator[Installation]:
    """The suite's own installation, with a running queue server."""
    with short_folder() as folder, Installation(folder) as made:
        yield made


@pytest.fixture(scope="session")
def web(installation: Installation) -> WebProcess:
    """A running web process of the suite's installation, without authentication."""
    return installation.start_web()


@pytest.fixture(scope="session")
def inference_worker(installation: Installation) -> BackendProcess:
    """A running inference worker of the suite's installation, with the embedded model."""
    return installation.start_worker("inference")
