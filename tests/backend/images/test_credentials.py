import base64

import pytest

from backend.images.credentials import BasicCredentials, read_credentials
from backend.predict_requests import job_payloads, read_predict_request

ANN = BasicCredentials("ann", "secret")


def test_the_header_is_that_of_rfc_7617() -> None:
    header = BasicCredentials("ann", "pass:wörd").headers()["Authorization"]
    scheme, _, encoded = header.partition(" ")
    assert scheme == "Basic"
    assert base64.b64decode(encoded).decode() == "ann:pass:wörd"


def test_no_text_form_shows_the_password() -> None:
    assert "secret" not in f"{BasicCredentials('ann', 'secret')!r} {BasicCredentials('ann', 'secret')}"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"login": "ann", "password": "secret"}, BasicCredentials("ann", "secret")),
        ({"login": "ann", "password": None}, BasicCredentials("ann", "")),
        ({"login": "ann"}, BasicCredentials("ann", "")),
        ({"login": None, "password": None, "context": None}, None),
        ({"login": "", "password": "secret"}, None),
        ({"login": 7}, None),
        ({}, None),
        (None, None),
        ([], None),
        ("text", None),
    ],
)
def test_reading_a_requests_params(params: object, expected: BasicCredentials | None) -> None:
    assert read_credentials(params) == expected


def test_reading_a_projects_fields() -> None:
    project = {"id": 3, "task_data_login": "ann", "task_data_password": "secret"}
    assert read_credentials(project, prefix="task_data_") == BasicCredentials("ann", "secret")


def test_what_is_written_into_a_job_is_read_from_it() -> None:
    credentials = BasicCredentials("ann", "secret")
    assert read_credentials(credentials.as_json()) == credentials


def test_credentials_of_a_request_reach_its_jobs_and_no_text_form_of_it() -> None:
    body = {"tasks": [{"id": 1}], "label_config": "<View/>", "params": ANN.as_json() | {"context": None}}
    request = read_predict_request(body)
    (payload,) = job_payloads(request, batch_size=4, extra_params=None)
    assert read_credentials(payload["credentials"]) == ANN
    assert ANN.password not in repr(request)


def test_a_request_without_any_has_none_in_its_jobs() -> None:
    request = read_predict_request({"tasks": [{"id": 1}], "label_config": "<View/>", "params": None})
    assert job_payloads(request, batch_size=4, extra_params=None)[0]["credentials"] is None
