"""How the client deals with answers that are not the good ones; the good ones are tested on a real server."""

from collections.abc import Iterator

import pytest

from backend.label_studio.client import LabelStudioClient
from backend.label_studio.errors import ApiError, LabelStudioUnreachableError, TokenError
from backend.label_studio.origin import LabelStudioOrigin
from tests.backend.label_studio.tokens import make_token
from tests.http_server import Answer, Asked, LocalServer, json_answer, redirect
from tests.label_studio import unused_port

PROJECT = "/api/projects/7/"


PERSONAL = make_token("refresh")
ACCESS = make_token("access")


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as made:
        made.routes["/api/token/refresh"] = json_answer({"access": ACCESS})
        yield made


@pytest.fixture
def client(server: LocalServer) -> LabelStudioClient:
    return LabelStudioClient(origin=LabelStudioOrigin(url=server.url, api_key=PERSONAL))


def test_an_access_token_that_ended_early_is_renewed_once(
    server: LocalServer, client: LabelStudioClient
) -> None:
    answers = iter([Answer(status=401), json_answer({"id": 7})])
    server.routes[PROJECT] = lambda _: next(answers)
    assert client.project(7) == {"id": 7}
    assert server.targets() == ["/api/token/refresh", PROJECT, "/api/token/refresh", PROJECT]


def test_a_token_that_is_refused_twice_is_told_without_showing_it(
    server: LocalServer, client: LabelStudioClient
) -> None:
    server.routes[PROJECT] = Answer(status=401)
    with pytest.raises(TokenError, match="refuses the personal access token") as told:
        client.project(7)
    assert PERSONAL not in str(told.value)
    assert ACCESS not in str(told.value)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, {"validation_errors": {"title": ["too short"]}}, r"\(400\): .*too short"),
        (403, {"detail": "URL resolves to a reserved network address"}, "reserved network address"),
        (404, {"detail": "Not found."}, r"\(404\): Not found"),
    ],
)
def test_a_refusal_carries_label_studios_reason(
    server: LocalServer, client: LabelStudioClient, status: int, body: dict, words: str
) -> None:
    server.routes[PROJECT] = json_answer(body, status=status)
    with pytest.raises(ApiError, match=words) as told:
        client.project(7)
    assert told.value.status == status


def test_trouble_of_the_server_is_passing(server: LocalServer, client: LabelStudioClient) -> None:
    server.routes[PROJECT] = Answer(b"<html>bad gateway", status=502)
    with pytest.raises(LabelStudioUnreachableError, match=f"502 to GET {PROJECT}"):
        client.project(7)


def test_a_server_that_is_away_is_told_with_the_cure() -> None:
    origin = LabelStudioOrigin(url=f"http://127.0.0.1:{unused_port()}", api_key=None)
    with pytest.raises(LabelStudioUnreachableError, match="LABEL_STUDIO_URL"):
        LabelStudioClient(origin=origin).project(7)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (redirect("https://labels.example.com/"), "redirected to https://labels.example.com/"),
        (Answer(b"<html>another program"), "is LABEL_STUDIO_URL Label Studio's address"),
    ],
    ids=["redirect", "another program"],
)
def test_what_is_not_label_studios_api_is_told(
    server: LocalServer, client: LabelStudioClient, answer: Answer, words: str
) -> None:
    server.routes[PROJECT] = answer
    with pytest.raises(ApiError, match=words):
        client.project(7)


def test_a_last_page_that_vanished_is_empty(server: LocalServer, client: LabelStudioClient) -> None:
    def tasks(asked: Asked) -> Answer:
        if "page=1" in asked.target:
            return json_answer({"total": 4, "tasks": [{"id": 1, "data": {}}, {"id": 2, "data": {}}]})
        return json_answer({"detail": "Invalid page."}, status=404)

    server.routes["/api/tasks"] = tasks
    assert [[task.id for task in page] for page in client.iter_tasks(7, page_size=2)] == [[1, 2], []]


def test_a_project_that_is_not_there_is_no_empty_page(server: LocalServer, client: LabelStudioClient) -> None:
    server.routes["/api/tasks"] = json_answer({"detail": "Not found."}, status=404)
    with pytest.raises(ApiError, match="Not found"):
        list(client.iter_tasks(7))
