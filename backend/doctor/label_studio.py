"""Checks of Label Studio and of how this backend is connected to it."""

import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from backend.doctor.finding import Finding, failed, ok, warning
from backend.label_studio.client import LabelStudioClient
from backend.label_studio.errors import LabelStudioError
from backend.label_studio.origin import LabelStudioOrigin
from backend.settings import Settings

_MOST_SKEW_SECONDS = 60
_FLAGS = "start Label Studio with ML_BLOCK_LOCAL_IP=false and SSRF_PROTECTION_ENABLED=false"
_CONNECT = "in Label Studio: the project's Settings, Model, Connect Model, with this backend's address"


def client_for(settings: Settings) -> LabelStudioClient:
    """Return a client of the configured Label Studio."""
    key = settings.label_studio_api_key
    return LabelStudioClient(
        origin=LabelStudioOrigin(
            url=settings.label_studio_url, api_key=key.get_secret_value() if key is not None else None
        )
    )


def check_label_studio(settings: Settings) -> Iterator[Finding]:
    """Whether Label Studio answers, takes the token and has the same clock."""
    url = settings.label_studio_url
    try:
        reply = requests.get(f"{url}/health", timeout=5)
        reply.raise_for_status()
    except requests.RequestException as error:
        yield failed(
            "Label Studio",
            f"{url} does not answer ({type(error).__name__})",
            "start it, or set LABEL_STUDIO_URL to its address as this machine reaches it",
        )
        return
    client = client_for(settings)
    yield _clock(reply)
    try:
        yield ok("Label Studio", f"{client.version()} at {url}")
        user = client.whoami()
    except LabelStudioError as error:
        yield failed("token", str(error), "make a personal access token and set LABEL_STUDIO_API_KEY")
        return
    yield ok("token", f"{client.origin.token_kind}, of {user.get('email', 'a user')}")
    yield from _projects(client, settings)


def _clock(reply: requests.Response) -> Finding:
    date = reply.headers.get("Date")
    if not date:
        return ok("clock", "Label Studio does not tell its time")
    skew = abs(parsedate_to_datetime(date).timestamp() - time.time())
    if skew > _MOST_SKEW_SECONDS:
        return warning(
            "clock", f"{skew:.0f} s away from Label Studio's", "set both clocks by NTP: tokens expire"
        )
    return ok("clock", "agrees with Label Studio's")


def _projects(client: LabelStudioClient, settings: Settings) -> Iterator[Finding]:
    connected = False
    for project in client.projects():
        backends = [
            backend
            for backend in client.ml_backends(project["id"])
            if _is_ours(str(backend["url"]), settings)
        ]
        if not backends:
            continue
        connected = True
        name = f"project {project['id']} ({project['title']})"
        yield _state(name, backends[0])
        yield _webhook(name, client.webhooks(project["id"]), settings)
    if not connected:
        yield warning(
            "connection", f"no project is connected to port {settings.port}", f"{_CONNECT}; {_FLAGS}"
        )


def _state(name: str, backend: dict[str, str]) -> Finding:
    # CO is Label Studio's short word for connected.
    if backend.get("state") == "CO":
        return ok(name, f"connected to {_without_login(backend['url'])}")
    return failed(
        name,
        f"Label Studio cannot use {_without_login(backend['url'])}: "
        f"{backend.get('error_message') or backend.get('state')}",
        f"is the backend running at that address? If it is private: {_FLAGS}",
    )


def _webhook(name: str, webhooks: list[dict[str, str]], settings: Settings) -> Finding:
    ours = [hook for hook in webhooks if _is_ours(str(hook["url"]), settings)]
    if not ours:
        return failed(
            f"{name}, webhook",
            "none: corrections do not reach this backend",
            f"{_FLAGS}, then remove the backend from the project and connect it again",
        )
    if len(ours) > 1:
        return warning(
            f"{name}, webhook",
            f"{len(ours)} point here: every event comes more than once",
            "delete all but one in the project's Settings, Webhooks",
        )
    return ok(f"{name}, webhook", _without_login(str(ours[0]["url"])))


def _without_login(url: str) -> str:
    """An address without the user and password that it may carry for Basic authentication."""
    scheme, separator, rest = url.rpartition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _is_ours(url: str, settings: Settings) -> bool:
    """Whether an address means this backend: its port tells, host names differ by who asks."""
    parts = urlsplit(url)
    return (parts.port or (443 if parts.scheme == "https" else 80)) == settings.port
