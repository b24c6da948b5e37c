import socket

import pytest

from backend.errors import SettingsError
from backend.web.port import require_free_port
from tests.label_studio import unused_port


def test_a_free_port_is_fine() -> None:
    require_free_port("127.0.0.1", unused_port())


def test_a_taken_port_is_named_with_the_cures() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"127.0.0.1:{port} .*--port"):
            require_free_port("127.0.0.1", port)


def test_an_address_that_is_not_this_machines_is_named() -> None:
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1"):
        require_free_port("192.0.2.1", 9090)


def test_a_name_that_nobody_knows_is_named() -> None:
    with pytest.raises(SettingsError, match="no-such-host"):
        require_free_port("no-such-host.invalid", 9090)
