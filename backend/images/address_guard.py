"""Which network addresses may be fetched: decided on the address that is then connected to."""

import ipaddress
import socket
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from backend.images.errors import ImageAddressError, ImageUnreachableError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Iterable[str]]
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """A checked place to connect to.

    Attributes:
        host: the name in the address, for the Host header and the certificate.
        port: the port.
        addresses: the IP addresses that were checked, in the order to try them.

    """

    host: str
    port: int
    addresses: tuple[str, ...]


def resolve(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, in the system's order."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class AddressGuard:
    """Refuses private, loopback, link-local, reserved and metadata addresses.

    Args:
        allowed_hosts: host names or addresses that may be private.
        allowed_origins: `(host, port)` pairs that may be private, such as Label Studio itself.
        resolver: from a host and port to IP addresses.

    """

    def __init__(
        self,
        *,
        allowed_hosts: Collection[str] = (),
        allowed_origins: Collection[tuple[str, int]] = (),
        resolver: Resolve = resolve,
    ) -> None:
        self._allowed_hosts = {host.lower() for host in allowed_hosts}
        self._allowed_origins = {(host.lower(), port) for host, port in allowed_origins}
        self._resolver = resolver

    def check(self, url: str) -> Target:
        """Return where to connect for a URL.

        Raises `ImageAddressError` for other schemes than http(s), for addresses without host, and when any
        address of the host is not public; `ImageUnreachableError` when the name cannot be resolved.
        """
        host, port = split_origin(url)
        try:
            # A host with several sockets of one kind lists an address more than once.
            addresses = tuple(dict.fromkeys(self._resolver(host, port)))
        except OSError as error:
            raise ImageUnreachableError(f"the host {host!r} cannot be found: {error}") from error
        if not addresses:
            raise ImageUnreachableError(f"the host {host!r} has no address")
        if not self._is_allowed(host, port):
            refused = next((address for address in addresses if not is_public(address)), None)
            if refused is not None:
                raise ImageAddressError(
                    f"{host} is at {refused}, a private or reserved address; if its images are meant to be "
                    f"fetched, add it: ZEGCLIP_ALLOWED_PRIVATE_HOSTS={host}"
                )
        return Target(host=host, port=port, addresses=addresses)

    def _is_allowed(self, host: str, port: int) -> bool:
        return host.lower() in self._allowed_hosts or (host.lower(), port) in self._allowed_origins


def split_origin(url: str) -> tuple[str, int]:
    """Return host (lower case) and port of an http(s) URL; raises `ImageAddressError`."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        host = (parts.hostname or "").lower()
    except ValueError as error:
        raise ImageAddressError(f"not an address: {error}") from error
    if parts.scheme not in _DEFAULT_PORTS or not host or port is None:
        raise ImageAddressError(
            f"only http:// and https:// addresses are fetched, not {parts.scheme or 'this'!r}"
        )
    return host, port


def is_public(text: str) -> bool:
    """Whether an IP address is one of the open internet (not private, loopback, link-local, multicast …)."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    embedded = _embedded_ipv4(address)
    if embedded is not None:
        return is_public(str(embedded))
    is_old_site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not (address.is_multicast or address.is_reserved or is_old_site_local)


def _embedded_ipv4(address: Address) -> ipaddress.IPv4Address | None:
    """An IPv4 address that travels inside an IPv6 one (mapped, 6to4, NAT64)."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address in ipaddress.IPv6Network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None
