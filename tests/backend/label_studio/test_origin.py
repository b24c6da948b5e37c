import threading
from collections.abc import Iterator

import pytest
import requests

from backend.demo.label_studio_server import LabelStudioServer
from backend.label_studio.errors import LabelStudioUnreachableError, TokenError
from backend.label_studio.origin import LabelStudioOrigin, jwt_claims, refused
from tests.backend.label_studio.tokens import make_token, token_route
from tests.http_server import Answer, LocalServer, json_answer, redirect
from tests.label_studio import LEGACY_TOKEN

PERSONAL = make_token("refresh")


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A server that exchanges one personal token for access tokens."""
    with LocalServer() as running:
        yield running


def origin_at(server: LocalServer, api_key: str | None = PERSONAL) -> LabelStudioOrigin:
    return LabelStudioOrigin(url=server.url, api_key=api_key)


@pytest.mark.parametrize(
    ("api_key", "kind"),
    [
        (None, "none"),
        ("", "none"),
        ("  ", "none"),
        (LEGACY_TOKEN, "legacy"),
        ("a.b", "legacy"),
        ("a.b.c", "legacy"),
        ("ä.ö.ü", "legacy"),
        (PERSONAL, "personal"),
        (f" {PERSONAL}\n", "personal"),
    ],
)
def test_kinds_of_tokens(api_key: str | None, kind: str) -> None:
    assert LabelStudioOrigin(url="http://localhost:8080", api_key=api_key).token_kind == kind


def test_no_text_form_shows_the_token() -> None:
    assert PERSONAL not in repr(LabelStudioOrigin(url="http://localhost:8080", api_key=PERSONAL))


@pytest.mark.parametrize(
    ("url", "owned"),
    [
        ("http://studio.example/data/upload/1/a.png", True),
        ("http://STUDIO.example:80/a.png", True),
        ("http://user@studio.example/a.png", True),
        ("https://studio.example/a.png", False),
        ("http://studio.example:8080/a.png", False),
        ("http://studio.example.evil.example/a.png", False),
        ("http://studio.example@evil.example/a.png", False),
        ("http://evil.example/studio.example", False),
    ],
)
def test_what_belongs_to_label_studio(url: str, owned: bool) -> None:
    assert LabelStudioOrigin(url="http://studio.example", api_key=None).owns(url) is owned


def test_a_legacy_token_is_sent_as_it_is_and_no_token_as_nothing(server: LocalServer) -> None:
    assert origin_at(server, LEGACY_TOKEN).headers() == {"Authorization": f"Token {LEGACY_TOKEN}"}
    assert origin_at(server, None).headers() == {}
    assert server.asked == []


def test_a_personal_token_is_exchanged_once_while_the_access_token_lives(server: LocalServer) -> None:
    access = make_token("access")
    server.routes["/api/token/refresh"] = token_route(server, PERSONAL, [access])
    origin = origin_at(server)
    for _ in range(3):
        assert origin.headers() == {"Authorization": f"Bearer {access}"}
    assert server.targets() == ["/api/token/refresh"]


@pytest.mark.parametrize("clock_error", [-7200.0, 0.0, 7200.0])
def test_it_is_exchanged_again_before_the_access_token_ends_whatever_the_clocks_say(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, clock_error: float
) -> None:
    tokens = [make_token("access", lifetime=300, clock_error=clock_error, number=n) for n in range(2)]
    server.routes["/api/token/refresh"] = token_route(server, PERSONAL, tokens)
    now = 1000.0
    monkeypatch.setattr("backend.label_studio.origin.time.monotonic", lambda: now)
    origin = origin_at(server)
    assert origin.headers()["Authorization"] == f"Bearer {tokens[0]}"
    now += 269
    assert origin.headers()["Authorization"] == f"Bearer {tokens[0]}"
    now += 2
    assert origin.headers()["Authorization"] == f"Bearer {tokens[1]}"


def test_it_is_exchanged_again_on_request(server: LocalServer) -> None:
    server.routes["/api/token/refresh"] = token_route(server, PERSONAL, ["first", "second"])
    origin = origin_at(server)
    assert origin.headers() == {"Authorization": "Bearer first"}
    assert origin.headers(renew=True) == {"Authorization": "Bearer second"}
    assert origin.headers() == {"Authorization": "Bearer second"}


def test_many_threads_need_one_exchange(server: LocalServer) -> None:
    server.routes["/api/token/refresh"] = token_route(server, PERSONAL, ["only"])
    origin, found = origin_at(server), list[dict[str, str]]()
    threads = [threading.Thread(target=lambda: found.append(origin.headers())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"Authorization": "Bearer only"}] * 16
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        json_answer({"detail": "Token is invalid"}, status=401),
        json_answer({"access": None}),
        json_answer(["access"]),
        json_answer({"access": "stolen"}, status=403),
        Answer(b"<html>login</html>"),
    ],
)
def test_a_personal_token_that_is_refused_names_the_cure(server: LocalServer, answer: Answer) -> None:
    server.routes["/api/token/refresh"] = answer
    with pytest.raises(TokenError, match=r"revoked, expired .*LABEL_STUDIO_API_KEY") as caught:
        origin_at(server).headers()
    assert PERSONAL not in str(caught.value)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_label_studio_in_trouble_is_no_refusal(server: LocalServer, status: int) -> None:
    server.routes["/api/token/refresh"] = Answer(status=status)
    with pytest.raises(LabelStudioUnreachableError, match=str(status)):
        origin_at(server).headers()


def test_the_token_does_not_follow_a_redirect(server: LocalServer) -> None:
    server.routes["/api/token/refresh"] = redirect("https://studio.example/api/token/refresh", 308)
    with pytest.raises(TokenError, match=r"redirects \(308\).*set LABEL_STUDIO_URL"):
        origin_at(server).headers()


def test_a_label_studio_that_is_away_names_its_address() -> None:
    with LocalServer() as gone:
        url = gone.url
    with pytest.raises(LabelStudioUnreachableError, match=r"is it running.*LABEL_STUDIO_URL"):
        LabelStudioOrigin(url=url, api_key=PERSONAL).headers()


@pytest.mark.parametrize("kind", ["none", "legacy", "personal"])
def test_a_refused_call_names_the_cure_for_each_kind_of_token(kind: str) -> None:
    assert "LABEL_STUDIO_API_KEY" in str(refused("http://localhost:8080", 401, kind))


@pytest.mark.parametrize("text", ["", "a.b.c", "e30.W10.e30", "a" * 1000, "...", "e30.bnVsbA.e30"])
def test_what_is_no_web_token_has_no_claims(text: str) -> None:
    assert jwt_claims(text) is None


def whoami(server: LabelStudioServer, api_key: str | None) -> requests.Response:
    headers = LabelStudioOrigin(url=server.url, api_key=api_key).headers()
    return requests.get(f"{server.url}/api/current-user/whoami", headers=headers, timeout=60)


def test_the_real_label_studio_takes_a_personal_token_and_a_legacy_one_where_it_is_switched_on(
    label_studio: LabelStudioServer,
) -> None:
    for api_key in (label_studio.token(), LEGACY_TOKEN):
        assert whoami(label_studio, api_key).json()["email"]
    assert whoami(label_studio, None).status_code == 401


def test_the_real_label_studio_refuses_foreign_tokens(label_studio: LabelStudioServer) -> None:
    with pytest.raises(TokenError, match="refuses the personal access token"):
        whoami(label_studio, PERSONAL)
    assert whoami(label_studio, LEGACY_TOKEN[::-1]).status_code == 401
