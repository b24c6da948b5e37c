"""Free ports near the ones that everybody knows."""

import socket

from backend.errors import SettingsError

_TRIED = 50


def free_port(wished: int) -> int:
    """Return the first free port from `wished` on; raises `SettingsError` when fifty in a row are taken."""
    for port in range(wished, wished + _TRIED):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SettingsError(
        f"ports {wished} to {wished + _TRIED - 1} are all taken: end some program and try again"
    )
