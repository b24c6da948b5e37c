"""Label Studio's address and the right to call it: personal access tokens and legacy tokens."""

import base64
import binascii
import json
import threading
import time

import requests

from backend.images.address_guard import split_origin
from backend.label_studio.errors import LabelStudioUnreachableError, TokenError

_TIMEOUT = (5.0, 30.0)
# An access token lives 300 s (Label Studio 1.23.2); a new one is fetched this long before the end.
_MARGIN_SECONDS = 30.0
_FALLBACK_LIFETIME = 300.0
_CURE = "set LABEL_STUDIO_API_KEY to a personal access token (Label Studio: Account & Settings)"


class LabelStudioOrigin:
    """One Label Studio server and the token for it; safe to use from many threads.

    A personal access token is a refresh token: it is exchanged for short-lived access tokens. Anything else
    is sent as a legacy token.

    Args:
        url: Label Studio's address as this machine reaches it.
        api_key: the token; None for anonymous calls.

    """

    def __init__(self, *, url: str, api_key: str | None) -> None:
        self.url = url.rstrip("/")
        self.host, self.port = split_origin(self.url)
        self._api_key = (api_key or "").strip() or None
        self._access: tuple[str, float] | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"LabelStudioOrigin(url={self.url!r}, token={self.token_kind})"

    @property
    def token_kind(self) -> str:
        """`personal`, `legacy` or `none`."""
        if self._api_key is None:
            return "none"
        return "personal" if jwt_claims(self._api_key) is not None else "legacy"

    def owns(self, url: str) -> bool:
        """Whether an absolute URL is on this server: same scheme, host and port."""
        return url.split("://", 1)[0] == self.url.split("://", 1)[0] and split_origin(url) == (
            self.host,
            self.port,
        )

    def headers(self, *, renew: bool = False) -> dict[str, str]:
        """Return the Authorization header, or nothing without a token.

        Args:
            renew: fetch a new access token although the old one should still be good (after a 401).

        Raises `TokenError` when Label Studio refuses the token, `LabelStudioUnreachableError` when it is
        away.

        """
        if self._api_key is None:
            return {}
        if self.token_kind == "legacy":
            return {"Authorization": f"Token {self._api_key}"}
        with self._lock:
            if renew or self._access is None or time.monotonic() > self._access[1]:
                self._access = self._exchange()
            return {"Authorization": f"Bearer {self._access[0]}"}

    def _exchange(self) -> tuple[str, float]:
        address = f"{self.url}/api/token/refresh"
        try:
            reply = requests.post(
                address, json={"refresh": self._api_key}, timeout=_TIMEOUT, allow_redirects=False
            )
        except requests.RequestException as error:
            raise unreachable(self.url, error) from error
        if reply.status_code >= 500 or reply.status_code == 429:
            raise LabelStudioUnreachableError(f"Label Studio at {self.url} answers {reply.status_code}")
        if reply.is_redirect:
            raise TokenError(
                f"Label Studio at {self.url} redirects ({reply.status_code}), and tokens do not follow: set "
                "LABEL_STUDIO_URL to the address that a browser ends up at"
            )
        access = _access_token(reply)
        if access is None:
            raise TokenError(
                f"Label Studio at {self.url} refuses the personal access token ({reply.status_code}): it may "
                f"be revoked, expired or made on another server; {_CURE}"
            )
        return access, time.monotonic() + _lifetime(access) - _MARGIN_SECONDS


def unreachable(url: str, error: Exception) -> LabelStudioUnreachableError:
    """Return the error for a Label Studio that does not answer, with the cure."""
    return LabelStudioUnreachableError(
        f"Label Studio at {url} does not answer ({type(error).__name__}): is it running, and is "
        "LABEL_STUDIO_URL the address as this machine reaches it?"
    )


def refused(url: str, status: int, token_kind: str) -> TokenError:
    """Return the error for a 401 or 403 of the API, with the cure for the kind of token."""
    if token_kind == "none":
        return TokenError(f"Label Studio at {url} wants a token ({status}): {_CURE}")
    if token_kind == "legacy":
        return TokenError(
            f"Label Studio at {url} refuses the legacy token ({status}). Legacy tokens are off by "
            f"default: {_CURE}, or switch legacy tokens on in the organisation's settings"
        )
    return TokenError(f"Label Studio at {url} refuses the personal access token ({status}): {_CURE}")


def jwt_claims(token: str) -> dict[str, object] | None:
    """Return what a JSON web token says about itself (not verified), or None when it is no such token."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    return claims if isinstance(claims, dict) else None


def _lifetime(access: str) -> float:
    """Seconds between a token's issue and its end, which needs no agreement of the two machines' clocks."""
    claims = jwt_claims(access) or {}
    issued, expires = claims.get("iat"), claims.get("exp")
    if isinstance(issued, int | float) and isinstance(expires, int | float):
        return float(expires - issued)
    return _FALLBACK_LIFETIME


def _access_token(reply: requests.Response) -> str | None:
    try:
        body = reply.json()
    except ValueError:
        return None
    access = body.get("access") if isinstance(body, dict) else None
    return access if reply.ok and isinstance(access, str) else None
