"""Who may call: Basic authentication, and a secret for webhooks, which carry no Basic header."""

import hmac

from flask import Flask, Request, Response, request

from backend.errors import SettingsError
from backend.settings import Settings

SECRET_HEADER = "X-Zegclip-Secret"
# Label Studio and container engines ask for these before they know any password.
_OPEN_ENDPOINTS = frozenset({"contract.health"})
_WEBHOOK_ENDPOINT = "contract.webhook"


def require_safe_address(settings: Settings) -> None:
    """Raise `SettingsError` when other machines could call without any authentication."""
    guarded = settings.has_basic_auth or settings.webhook_secret
    if settings.listens_publicly and not guarded and not settings.allow_anonymous:
        raise SettingsError(
            f"refusing to listen on {settings.host} for everybody: set BASIC_AUTH_USER and BASIC_AUTH_PASS "
            "(and ZEGCLIP_WEBHOOK_SECRET), listen on 127.0.0.1, or set ZEGCLIP_ALLOW_ANONYMOUS=true"
        )


def install_auth(app: Flask, settings: Settings) -> None:
    """Check every request before its route runs; 401 with the way to authenticate otherwise."""

    @app.before_request
    def check() -> Response | None:
        if request.endpoint in _OPEN_ENDPOINTS:
            return None
        if request.endpoint == _WEBHOOK_ENDPOINT and settings.webhook_secret:
            if _has_secret(request, settings) or (settings.has_basic_auth and _has_basic(request, settings)):
                return None
            return _unauthorised("this webhook needs its secret, as header X-Zegclip-Secret or in its path")
        if not settings.has_basic_auth or _has_basic(request, settings):
            return None
        return _unauthorised("give the user and password of this backend")


def _has_basic(incoming: Request, settings: Settings) -> bool:
    given = incoming.authorization
    if given is None or given.type != "basic" or settings.basic_auth_pass is None:
        return False
    # Both are compared, on bytes: no early exit tells which one was wrong, any script of letters works.
    user = _same(given.username or "", settings.basic_auth_user or "")
    password = _same(given.password or "", settings.basic_auth_pass.get_secret_value())
    return user and password


def _has_secret(incoming: Request, settings: Settings) -> bool:
    if settings.webhook_secret is None:
        return False
    given = incoming.headers.get(SECRET_HEADER) or (incoming.view_args or {}).get("secret") or ""
    return _same(given, settings.webhook_secret.get_secret_value())


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode("utf-8", "surrogateescape"), right.encode())


def _unauthorised(message: str) -> Response:
    reply = Response(message + "\n", status=401, mimetype="text/plain")
    reply.headers["WWW-Authenticate"] = 'Basic realm="ZegCLIP"'
    return reply
