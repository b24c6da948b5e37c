"""`zegclip start`: one process that brings everything along and takes everything away again."""

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from backend.errors import AlreadyRunningError, SettingsError
from backend.product import NotReadyError, Product
from backend.queueing.address import embedded_server
from backend.queueing.connection import connect
from backend.queueing.workers import alive_workers, count_workers
from backend.settings import Settings, load_settings
from backend.web.port import require_free_port
from tests.label_studio import unused_port
from tests.processes import BackendProcess, clean_environment, short_folder, wait_until
from zegclip_core.errors import ZegCLIPError


class Started:
    """A running `zegclip start`."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.port = unused_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = clean_environment(LABEL_STUDIO_URL="http://127.0.0.1:9", ZEGCLIP_DEVICE="cpu")
        self.process = self.run(folder / "start.log", port=self.port)
        self.connection = connect(embedded_server(self.data_dir).url)

    def run(self, log: Path, *, port: int) -> BackendProcess:
        """Start one more on the same data folder."""
        return BackendProcess(
            *("start", "--data-dir", str(self.data_dir), "--port", str(port), "--threads", "1"),
            environment=self.environment,
            log=log,
        )

    def ready(self) -> bool:
        """Whether predictions can be made now."""
        assert self.process.exit_code is None, self.process.log_text()
        try:
            return requests.get(f"{self.url}/ready", timeout=60).ok
        except requests.ConnectionError:
            return False

    def worker_pid(self) -> int:
        """The inference worker's process id."""
        (worker,) = [one for one in alive_workers(self.connection) if one.name.startswith("inference")]
        return int(worker.pid)

    def queue_server_pid(self) -> int:
        """The queue server's process id."""
        info: Any = self.connection.info("server")
        return int(info["process_id"])


@pytest.fixture(scope="module")
def started() -> Iterator[Started]:
    with short_folder() as folder:
        running = Started(folder)
        try:
            wait_until(running.ready, "everything is ready")
            # Only then does it watch over its parts; the order of these tests is drawn.
            wait_until(lambda: "ready: connect" in running.process.log_text(), "it is said")
            yield running
        finally:
            running.process.end()
            running.connection.close()


@pytest.mark.slow
def test_it_says_where_to_connect_label_studio(started: Started) -> None:
    wait_until(
        lambda: f"ready: connect Label Studio to {started.url}" in started.process.log_text(), "it is said"
    )


@pytest.mark.slow
def test_a_second_start_on_the_same_folder_says_what_to_do(started: Started, tmp_path: Path) -> None:
    second = started.run(tmp_path / "second.log", port=unused_port())
    assert second.wait() == 1
    assert "already runs" in second.log_text()
    assert "--data-dir" in second.log_text()
    assert "Traceback" not in second.log_text()
    assert started.ready()


@pytest.mark.slow
def test_a_killed_worker_is_started_again(started: Started) -> None:
    wait_until(started.ready, "everything is ready")
    first = started.worker_pid()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: count_workers(started.connection) == 1 and started.worker_pid() != first, "a new one")
    wait_until(started.ready, "everything is ready again")


@pytest.mark.slow
def test_a_crashed_queue_server_is_started_again_with_what_it_held(started: Started) -> None:
    wait_until(started.ready, "everything is ready")
    started.connection.set("kept", "yes")
    wait_until(
        lambda: started.connection.info("persistence")["aof_pending_bio_fsync"] == 0, "it is on the disk"
    )
    first = started.queue_server_pid()
    os.kill(first, signal.SIGKILL)

    def back() -> bool:
        with contextlib.suppress(OSError, ConnectionError):
            return embedded_server(started.data_dir).answers() and started.queue_server_pid() != first
        return False

    wait_until(back, "the queue server is there again")
    assert started.connection.get("kept") == b"yes"
    wait_until(started.ready, "everything is ready again")


@pytest.mark.slow
def test_the_end_takes_everything_away_and_frees_folder_and_port() -> None:
    with short_folder() as folder:
        own = Started(folder)
        wait_until(own.ready, "everything is ready")
        pids = [own.worker_pid(), own.queue_server_pid()]
        own.connection.close()
        assert own.process.end() == 0
        assert not embedded_server(own.data_dir).answers()
        require_free_port("127.0.0.1", own.port)
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
        assert "Traceback" not in own.process.log_text()


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as made:
        yield made


def settings(folder: Path, **changes: Any) -> Settings:
    return load_settings(
        **{
            "data_dir": folder,
            "port": unused_port(),
            "device": "cpu",
            "label_studio_url": "http://127.0.0.1:9",
            "redis_url": f"unix://{folder}/nothing-there.sock",
            **changes,
        }
    )


@contextlib.contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def test_a_taken_port_is_told_before_anything_starts(folder: Path) -> None:
    with taken_port() as port:
        product = Product(settings=settings(folder, port=port))
        with pytest.raises(SettingsError, match=rf"{port}.*--port"):
            product.start()
    assert all(child.process is None for child in product.supervisor.children)


def test_a_public_address_without_authentication_is_refused(folder: Path) -> None:
    with pytest.raises(SettingsError, match="BASIC_AUTH_USER"):
        Product(settings=settings(folder, host="0.0.0.0")).start()


def test_an_unknown_model_is_told_before_anything_starts(folder: Path) -> None:
    with pytest.raises(ZegCLIPError, match="no-such-model"):
        Product(settings=settings(folder, model="no-such-model")).start()


def test_a_folder_in_use_is_refused_and_free_afterwards(folder: Path) -> None:
    first, second = (Product(settings=settings(folder)) for _ in range(2))
    first._take_folder()
    with pytest.raises(AlreadyRunningError, match="--data-dir"):
        second.start()
    first.stop()
    second._take_folder()
    second.stop()


def test_waiting_ends_with_the_name_of_a_part_that_ended(folder: Path) -> None:
    product = Product(settings=settings(folder))
    # Without a queue server no worker can start.
    with product, pytest.raises(NotReadyError, match="worker ended while starting"):
        product.wait_until_ready(timeout=120)


def test_every_part_gets_every_setting_and_the_queue_servers_address(folder: Path) -> None:
    own = settings(folder, redis_url=None, basic_auth_pass="hunter2", max_pixels=1234)
    for child in Product(settings=own).supervisor.children:
        assert child.environment["REDIS_URL"] == embedded_server(folder).url
        assert child.environment["BASIC_AUTH_PASS"] == "hunter2"
        assert child.environment["ZEGCLIP_MAX_PIXELS"] == "1234"
        assert "hunter2" not in " ".join(child.command)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9091"),
        ("0.0.0.0", "http://127.0.0.1:9091"),
        ("::1", "http://[::1]:9091"),
    ],
)
def test_the_address_is_one_that_this_machine_can_reach(host: str, url: str, folder: Path) -> None:
    assert Product(settings=settings(folder, host=host, port=9091)).url == url
