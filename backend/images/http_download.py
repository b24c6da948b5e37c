"""One image over http(s): checked address, few redirects, a byte cap, retries for passing failures."""

import time
from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader

from backend.images.address_guard import AddressGuard, Target
from backend.images.errors import (
    ImageAddressError,
    ImageContentError,
    ImageMissingError,
    ImageRefusedError,
    ImageUnreachableError,
)

_TIMEOUT = urllib3.Timeout(connect=5.0, read=30.0)
_CHUNK = 64 * 1024
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({408, 425, 429})
_WAITS = (0.3, 1.0)
_LONGEST_WAIT = 5.0


class HttpDownloader:
    """Fetches one file at a time.

    Args:
        guard: decides which addresses may be connected to.
        max_bytes: files larger than this are not read to the end.
        waits: seconds between the tries after a passing failure.
        max_seconds: longest time for one file with all tries; what is under way then is given up.

    """

    def __init__(
        self,
        *,
        guard: AddressGuard,
        max_bytes: int,
        waits: tuple[float, ...] = _WAITS,
        max_seconds: float = 60.0,
    ) -> None:
        self._guard = guard
        self._max_bytes = max_bytes
        self._waits = waits
        self._max_seconds = max_seconds

    def fetch(self, url: str, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Return the file at a URL.

        Args:
            url: an http(s) address.
            headers: sent with the first request only, never after a redirect: they may carry a token.

        Raises an `ImageError` that tells whether the failure is passing; `ImageRefusedError` for 401 and 403.

        """
        end = time.monotonic() + self._max_seconds
        for wait in (*self._waits, None):
            try:
                return self._follow(url, dict(headers or {}), end)
            except ImageUnreachableError as error:
                if wait is None or time.monotonic() > end:
                    raise
                time.sleep(min(wait if error.retry_after is None else error.retry_after, _LONGEST_WAIT))
        raise AssertionError("the last try returns or raises")

    def _follow(self, url: str, headers: dict[str, str], end: float) -> bytes:
        for _ in range(_MOST_REDIRECTS + 1):
            reply = self._request(url, self._guard.check(url), headers)
            try:
                if reply.status not in _REDIRECTS:
                    return self._read(reply, end)
                location = reply.headers.get("Location")
            finally:
                reply.close()
            if not location:
                raise ImageMissingError(f"the server redirects ({reply.status}) to nowhere")
            url, headers = urljoin(url, location), {}
        raise ImageAddressError(f"more than {_MOST_REDIRECTS} redirects")

    def _request(self, url: str, target: Target, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Ask the first of the checked addresses that answers."""
        reasons = []
        for address in target.addresses:
            try:
                return _ask(url, target, address, headers)
            except HTTPError as error:
                reasons.append(type(error).__name__)
        raise ImageUnreachableError(f"{target.host} does not answer: {', '.join(dict.fromkeys(reasons))}")

    def _read(self, reply: urllib3.BaseHTTPResponse, end: float) -> bytes:
        if reply.status in (401, 403):
            raise ImageRefusedError(f"the server refuses the image ({reply.status})", status=reply.status)
        if reply.status >= 500 or reply.status in _BUSY:
            raise _busy(reply)
        if reply.status != 200:
            raise ImageMissingError(f"the server answers {reply.status} instead of the image")
        chunks, size = [], 0
        try:
            # Takes what has arrived, so that a server that trickles cannot hold the worker beyond the end.
            while chunk := reply.read1(_CHUNK):
                size += len(chunk)
                if size > self._max_bytes:
                    raise ImageContentError(
                        f"the file exceeds {self._max_bytes:,} bytes (ZEGCLIP_MAX_IMAGE_BYTES)"
                    )
                if time.monotonic() > end:
                    raise ImageUnreachableError(f"the file took longer than {self._max_seconds:.0f} s")
                chunks.append(chunk)
        except HTTPError as error:
            raise ImageUnreachableError(f"the transfer broke off: {type(error).__name__}") from error
        return b"".join(chunks)


def _ask(url: str, target: Target, address: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
    """Connect to an address that was checked; name and certificate are those of the host."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    pool: urllib3.HTTPConnectionPool
    if parts.scheme == "https":
        pool = urllib3.HTTPSConnectionPool(
            address, target.port, server_hostname=target.host, assert_hostname=target.host
        )
    else:
        pool = urllib3.HTTPConnectionPool(address, target.port)
    return pool.urlopen(
        "GET",
        path,
        headers={"Host": parts.netloc.rpartition("@")[2], "User-Agent": "zegclip", **headers},
        redirect=False,
        retries=False,
        timeout=_TIMEOUT,
        preload_content=False,
        assert_same_host=False,
    )


def _busy(reply: urllib3.BaseHTTPResponse) -> ImageUnreachableError:
    after = reply.headers.get("Retry-After")
    try:
        retry_after = urllib3.Retry().parse_retry_after(after) if after else None
    except InvalidHeader:
        retry_after = None
    return ImageUnreachableError(
        f"the server answers {reply.status}: it is busy or in trouble", retry_after=retry_after
    )
