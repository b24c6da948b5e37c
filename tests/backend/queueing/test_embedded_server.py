import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.errors import QueueServerError
from backend.queueing import embedded_server as module
from backend.queueing.connection import connect
from backend.queueing.embedded_server import LONGEST_SOCKET_PATH, EmbeddedQueueServer, socket_path
from tests.processes import short_folder


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as made:
        yield made / "queue"


def test_it_answers_while_it_is_open_and_is_gone_afterwards(folder: Path) -> None:
    with EmbeddedQueueServer(folder=folder) as server:
        assert server.started_here
        assert server.answers()
    assert not server.answers()
    assert not server.socket.exists()


def test_what_it_held_is_there_after_a_restart(folder: Path) -> None:
    for expected in (None, b"yes"):
        with EmbeddedQueueServer(folder=folder) as server:
            client = connect(server.url)
            assert client.get("kept") == expected
            client.set("kept", "yes")
            client.close()


def test_every_change_goes_into_an_append_only_file_and_nothing_is_evicted(folder: Path) -> None:
    with EmbeddedQueueServer(folder=folder) as server:
        client = connect(server.url)
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        client.close()


def test_only_its_own_user_can_reach_it_and_no_port_is_open(folder: Path) -> None:
    with EmbeddedQueueServer(folder=folder) as server:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700
        client = connect(server.url)
        assert client.config_get("port") == {"port": "0"}
        client.close()


def test_a_running_server_is_used_and_left_running(folder: Path) -> None:
    with EmbeddedQueueServer(folder=folder) as first:
        with EmbeddedQueueServer(folder=folder) as second:
            assert not second.started_here
            assert second.answers()
        assert first.answers()


def test_the_socket_of_a_killed_server_does_not_stand_in_the_way(folder: Path) -> None:
    server = EmbeddedQueueServer(folder=folder)
    server.start()
    assert server._process is not None
    os.kill(server._process.pid, signal.SIGKILL)
    assert server._process.wait() == -signal.SIGKILL
    assert server.exit_code == -signal.SIGKILL
    assert not server.answers()
    server.start()
    assert server.answers()
    server.stop()


def test_a_server_that_cannot_start_tells_its_last_words(folder: Path) -> None:
    folder.mkdir()
    (folder / "appendonlydir").write_text("a file where a folder should be")
    with pytest.raises(QueueServerError, match="appendonly"):
        EmbeddedQueueServer(folder=folder).start()


def test_a_machine_without_the_program_is_told_to_bring_its_own_server(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> str:
        raise module.ValkeyServerError("no binary for this platform")

    monkeypatch.setattr(module, "get_binary_path", missing)
    with pytest.raises(QueueServerError, match="REDIS_URL"):
        EmbeddedQueueServer(folder=folder).start()


def test_the_socket_lies_in_the_folder_unless_the_kernel_would_refuse_its_path(tmp_path: Path) -> None:
    near = Path("/short")
    assert socket_path(near) == near / "queue.sock"
    deep = tmp_path / ("x" * LONGEST_SOCKET_PATH)
    assert socket_path(deep) != deep / "queue.sock"
    assert len(os.fsencode(socket_path(deep))) <= LONGEST_SOCKET_PATH
    assert socket_path(deep) == socket_path(deep)
    assert socket_path(deep) != socket_path(deep / "other")


def test_a_folder_with_a_long_path_works(folder: Path) -> None:
    with EmbeddedQueueServer(folder=folder / ("x" * LONGEST_SOCKET_PATH)) as server:
        assert server.answers()
