"""Free ports near the ones that everybody knows."""

import errno
import socket

from backend.errors import SettingsError

_TRIED = 50
# `localhost` may mean either: a program that listens on one of them alone must not be mistaken for ours.
_LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_NO_SUCH_FAMILY = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


def free_port(wished: int) -> int:
    """Return the first free port from `wished` on; raises `SettingsError` when fifty in a row are taken."""
    for port in range(wished, wished + _TRIED):
        if all(_can_listen(family, host, port) for family, host in _LOOPBACKS):
            return port
    raise SettingsError(
        f"ports {wished} to {wished + _TRIED - 1} are all taken: end some program and try again"
    )


def _can_listen(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return error.errno in _NO_SUCH_FAMILY
    return True
