import pytest
from flask.testing import FlaskClient

from backend.errors import SettingsError
from backend.settings import load_settings
from backend.web.auth import SECRET_HEADER, require_safe_address
from tests.backend.web.bodies import webhook_body
from tests.backend.web.conftest import MakeApp

BASIC = {"basic_auth_user": "ännä", "basic_auth_pass": "hunter2"}
SECRET = {"webhook_secret": "s3cret"}
RIGHT = ("ännä", "hunter2")
GUARDED = ["/versions", "/status", "/ready", "/jobs/1", "/nowhere"]


@pytest.fixture
def guarded(make_app: MakeApp) -> FlaskClient:
    return make_app(**BASIC, **SECRET).test_client()


@pytest.mark.parametrize("path", GUARDED)
def test_nothing_but_health_answers_without_the_password(path: str, guarded: FlaskClient) -> None:
    reply = guarded.get(path)
    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"].startswith("Basic")


def test_health_is_open_because_it_is_asked_before_any_password_is_known(guarded: FlaskClient) -> None:
    assert guarded.get("/health").status_code == 200


def test_the_right_password_opens_everything(guarded: FlaskClient) -> None:
    assert guarded.get("/versions", auth=RIGHT).status_code == 200


@pytest.mark.parametrize(
    "given", [("ännä", "wrong"), ("anna", "hunter2"), ("", ""), ("ännä", ""), ("ännä", "hunter22")]
)
def test_a_wrong_password_does_not(given: tuple[str, str], guarded: FlaskClient) -> None:
    assert guarded.get("/versions", auth=given).status_code == 401


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !!!", "Basic YQ==", "Bearer hunter2", "Basic " + "A" * 9999]
)
def test_broken_headers_are_refused_like_wrong_ones(header: str, guarded: FlaskClient) -> None:
    assert guarded.get("/versions", headers={"Authorization": header}).status_code == 401


def test_a_webhook_gives_its_secret_in_a_header_or_in_its_path(guarded: FlaskClient) -> None:
    in_header = guarded.post("/webhook", json=webhook_body(), headers={SECRET_HEADER: "s3cret"})
    in_path = guarded.post("/webhook/s3cret", json=webhook_body())
    assert (in_header.status_code, in_path.status_code) == (201, 201)


def test_a_webhook_may_give_the_password_instead(guarded: FlaskClient) -> None:
    assert guarded.post("/webhook", json=webhook_body(), auth=RIGHT).status_code == 201


@pytest.mark.parametrize(
    ("path", "header"), [("/webhook", None), ("/webhook", "wrong"), ("/webhook/wrong", None)]
)
def test_a_webhook_without_either_is_refused_and_not_recorded(
    path: str, header: str | None, guarded: FlaskClient
) -> None:
    headers = {SECRET_HEADER: header} if header else {}
    assert guarded.post(path, json=webhook_body(), headers=headers).status_code == 401
    assert guarded.get("/status", auth=RIGHT).get_json()["events"] == {}


def test_the_webhooks_secret_opens_nothing_else(guarded: FlaskClient) -> None:
    assert guarded.get("/versions", headers={SECRET_HEADER: "s3cret"}).status_code == 401


def test_with_a_secret_alone_only_webhooks_are_guarded(make_app: MakeApp) -> None:
    client = make_app(**SECRET).test_client()
    assert client.get("/versions").status_code == 200
    assert client.post("/webhook", json=webhook_body()).status_code == 401


def test_without_authentication_a_path_that_looks_like_a_secret_is_a_webhook_too(client: FlaskClient) -> None:
    assert client.post("/webhook/anything", json=webhook_body()).status_code == 201


def test_no_refusal_repeats_what_was_given_or_what_is_right(guarded: FlaskClient) -> None:
    text = guarded.get("/versions", auth=("ännä", "wr0ng")).get_data(as_text=True)
    assert "wr0ng" not in text
    assert "hunter2" not in text


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "127.0.0.1"},
        {"host": "0.0.0.0", **BASIC},
        {"host": "0.0.0.0", **SECRET},
        {"host": "0.0.0.0", "allow_anonymous": True},
    ],
)
def test_addresses_that_may_be_listened_on(settings: dict[str, object]) -> None:
    require_safe_address(load_settings(**settings))


@pytest.mark.parametrize("settings", [{}, {"basic_auth_user": "anna"}, {"basic_auth_pass": "hunter2"}])
def test_a_public_address_needs_authentication(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="ZEGCLIP_ALLOW_ANONYMOUS"):
        require_safe_address(load_settings(host="0.0.0.0", **settings))
