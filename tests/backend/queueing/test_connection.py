import json
import pickle
import socket
import threading
import zlib
from collections.abc import Iterator

import pytest
import redis

from backend.errors import QueueUnavailableError
from backend.queueing import connection as connection_module
from backend.queueing.connection import connect, open_queue, queue_errors, require_answer
from tests.backend.queueing.jobs import ECHO
from tests.processes import Installation, MakeInstallation


def test_no_server_is_an_error_that_names_the_cure() -> None:
    with pytest.raises(QueueUnavailableError, match="REDIS_URL"), queue_errors():
        connect("redis://127.0.0.1:9").ping()


@pytest.fixture
def silent_server() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


def test_a_server_that_does_not_answer_is_given_up(
    silent_server: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "ANSWER_SECONDS", 0.1)
    with pytest.raises(QueueUnavailableError, match="does not answer"), queue_errors():
        connect(f"redis://127.0.0.1:{silent_server}").ping()


def test_an_answer_can_be_required_before_work_begins(installation: Installation) -> None:
    require_answer(installation.redis_url)
    with pytest.raises(QueueUnavailableError, match="REDIS_URL"):
        require_answer("redis://127.0.0.1:9")


def test_other_errors_of_the_client_are_left_alone(installation: Installation) -> None:
    with pytest.raises(redis.ResponseError), queue_errors():
        installation.connection.execute_command("NO-SUCH-COMMAND")


def test_a_restart_of_the_server_between_two_calls_goes_unnoticed(new_installation: MakeInstallation) -> None:
    own = new_installation()
    own.connection.set("kept", "yes")
    own.queue_server.stop()
    own.start_queue_server()
    assert own.connection.get("kept") == b"yes"


def test_one_client_serves_many_threads(installation: Installation) -> None:
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda: answers.append(installation.connection.ping())) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 20


def test_jobs_travel_as_json_never_as_pickles(installation: Installation) -> None:
    job = open_queue("test-json", installation.connection).enqueue(ECHO, {"a": [1, "ü"]})
    written = installation.connection.hget(job.key, "data")
    assert isinstance(written, bytes)
    plain = zlib.decompress(written)
    assert json.loads(plain)[2] == [{"a": [1, "ü"]}]
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(plain)
    job.delete()
