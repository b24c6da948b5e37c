import logging
import sqlite3

import pytest

from backend.errors import QueueUnavailableError, RequestError
from tests.backend.web.conftest import MakeApp

SECRET = "http://anna:hunter2@queue:6379"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RequestError("no", status=418, code="teapot"), 418, "teapot"),
        (QueueUnavailableError("the queue server does not answer"), 503, "unavailable"),
        (sqlite3.OperationalError("database is locked"), 503, "unavailable"),
        (TimeoutError("slow disk"), 503, "unavailable"),
        (OSError(28, "No space left on device"), 503, "unavailable"),
        (KeyError("inside"), 500, "internal"),
        (ValueError(SECRET), 500, "internal"),
        (RecursionError("deep"), 500, "internal"),
    ],
)
def test_every_error_becomes_json_with_code_message_and_id(
    error: Exception, status: int, code: str, make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()

    @app.get("/broken")
    def broken() -> None:
        raise error

    with caplog.at_level(logging.WARNING):
        reply = app.test_client().get("/broken")
    body = reply.get_json()
    assert (reply.status_code, body["error"]) == (status, code)
    assert body["message"]
    assert body["id"] in caplog.text
    assert ("Retry-After" in reply.headers) is (status == 503)
    assert "hunter2" not in reply.get_data(as_text=True)
    assert "Traceback" not in reply.get_data(as_text=True)
    assert "error_pages" not in reply.get_data(as_text=True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nowhere", 404), ("GET", "/setup", 405), ("DELETE", "/health", 405)],
)
def test_wrong_paths_and_methods_are_json_as_well(
    method: str, path: str, status: int, make_app: MakeApp
) -> None:
    reply = make_app().test_client().open(path, method=method)
    assert reply.status_code == status
    assert set(reply.get_json()) == {"error", "message", "id"}


def test_an_internal_errors_own_words_are_for_the_log_alone(make_app: MakeApp) -> None:
    app = make_app()

    @app.get("/broken")
    def broken() -> None:
        raise ValueError("a path such as /home/anna/data")

    assert "/home/anna" not in app.test_client().get("/broken").get_data(as_text=True)
