import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from backend.demo.ports import free_port
from backend.errors import SettingsError
from tests.label_studio import unused_port


@pytest.fixture(params=[(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")], ids=["IPv4", "IPv6"])
def taken_port(request: pytest.FixtureRequest) -> Iterator[int]:
    family, host = request.param
    with closing(socket.socket(family)) as listener:
        try:
            listener.bind((host, 0))
        except OSError as error:
            pytest.skip(f"this machine has no {host}: {error}")
        listener.listen()
        yield listener.getsockname()[1]


def test_the_wished_port_is_taken_when_it_is_free() -> None:
    port = unused_port()
    assert free_port(port) == port


def test_a_port_somebody_listens_on_is_passed_over(taken_port: int) -> None:
    assert free_port(taken_port) > taken_port


def test_no_free_port_at_all_is_told_with_the_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.demo.ports._can_listen", lambda *_: False)
    with pytest.raises(SettingsError, match="ports 8080 to 8129 are all taken"):
        free_port(8080)
