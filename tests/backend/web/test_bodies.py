import gzip
import json

import pytest
from flask.testing import FlaskClient

from tests.backend.web.bodies import setup_body, webhook_body
from tests.backend.web.conftest import MakeApp

ROUTES = ["/setup", "/predict", "/webhook"]


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_json"),
        (b"<View/>", "not_json"),
        (b'{"a": ', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"a":' * 100_000, "not_json"),
        (b"[]", "not_an_object"),
        (b'"text"', "not_an_object"),
        (b"17", "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"project": "\xff\xfe"}', "not_text"),
        (b'{"project": 3, "schema": "\\ud83d"}', "not_text"),
        (b"1" * 5000, "not_json"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[:12].decode("latin-1"),
)
def test_a_body_that_is_no_json_object_is_refused_with_a_code(
    path: str, data: bytes, code: str, client: FlaskClient
) -> None:
    reply = client.post(path, data=data, content_type="application/json")
    assert (reply.status_code, reply.get_json()["error"]) == (400, code)


@pytest.mark.parametrize("path", ROUTES)
def test_a_compressed_body_is_refused_with_the_reason(path: str, client: FlaskClient) -> None:
    data = gzip.compress(json.dumps(setup_body()).encode())
    reply = client.post(path, data=data, headers={"Content-Encoding": "gzip"})
    assert (reply.status_code, reply.get_json()["error"]) == (415, "encoding")


@pytest.mark.parametrize("path", ROUTES)
def test_a_body_above_the_limit_is_refused(path: str, make_app: MakeApp) -> None:
    client = make_app(max_body_bytes=2**16).test_client()
    reply = client.post(path, data=b" " * (2**16 + 1))
    assert reply.status_code == 413
    assert reply.get_json()["error"] == "request_entity_too_large"


def test_the_content_type_does_not_matter(client: FlaskClient) -> None:
    data = json.dumps(setup_body()).encode()
    assert client.post("/setup", data=data, content_type="text/plain").status_code == 200


def test_letters_of_any_script_arrive_escaped_or_not(client: FlaskClient) -> None:
    for ascii_only in (True, False):
        body = setup_body(schema="<View>🐈 猫</View>")
        data = json.dumps(body, ensure_ascii=ascii_only).encode()
        assert client.post("/setup", data=data).status_code == 200


def test_a_webhook_with_broken_text_does_not_harm_the_next_one(client: FlaskClient) -> None:
    broken = json.dumps(webhook_body(action="\ud800")).encode()
    assert client.post("/webhook", data=broken).status_code == 400
    assert client.post("/webhook", json=webhook_body()).status_code == 201
