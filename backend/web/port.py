"""The port that the web process is to listen on."""

import socket

from backend.errors import SettingsError


def require_free_port(host: str, port: int) -> None:
    """Raise `SettingsError` when the port cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server will: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"cannot listen on {host}:{port} ({error.strerror}): choose another with --port, "
                "or end the program that uses it"
            ) from None
