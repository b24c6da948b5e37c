"""The web process under load, killed, and fed with secrets."""

import contextlib
import json
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from backend.web.auth import SECRET_HEADER
from tests.backend.web.bodies import photo_tasks, predict_body, setup_body, task, webhook_body
from tests.faults.photo_server import ADDRESS, PhotoServer
from tests.processes import MakeInstallation, WebProcess, children

TOKEN = "0123456789abcdef0123456789abcdef01234567"
SECRETS = (TOKEN, "hunter2", "s3cret-of-webhooks", "t0ken-of-the-creator", "t0ken-of-the-project", "passw0rd")


def test_more_requests_than_can_be_held_get_503_and_a_time_to_come_again(
    new_installation: MakeInstallation,
) -> None:
    own = new_installation(ZEGCLIP_MAX_WAITING_REQUESTS="2", ZEGCLIP_PREDICT_DEADLINE_SECONDS="5")
    web = own.start_web()
    body = predict_body([task(1, "/a.jpg")])
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: web.post("/predict", body), range(8)))
    served = [reply for reply in replies if reply.status_code == 200]
    refused = [reply for reply in replies if reply.status_code == 503]
    assert len(served) + len(refused) == 8
    assert 2 <= len(served) < 8
    assert all(int(reply.headers["Retry-After"]) > 0 for reply in refused)
    assert all(reply.json()["error"] == "busy" for reply in refused)
    assert web.get("/health").ok


def test_an_acknowledged_webhook_survives_a_kill(new_installation: MakeInstallation) -> None:
    own = new_installation()
    first = own.start_web()
    assert first.post("/webhook", webhook_body()).json()["recorded"] == 1
    first.kill()
    second = own.start_web()
    assert second.post("/webhook", webhook_body()).json() == {"status": "ok", "recorded": 0, "known": 1}


@pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="a running process is given limits on Linux only"
)
def test_on_a_full_disk_nothing_is_acknowledged_and_afterwards_everything_works(
    new_installation: MakeInstallation,
) -> None:
    own = new_installation()
    web = own.start_web()
    many = {
        "action": "ANNOTATIONS_CREATED",
        "project": {"id": 3},
        "annotation": [{"id": number, "task": number, "updated_at": "1"} for number in range(3000)],
    }
    schema = setup_body(schema="<View>" + " " * FULL + "</View>")
    with limited_files(web):
        replies = [web.post("/webhook", many), web.post("/setup", schema)]
        assert [reply.status_code for reply in replies] == [503, 503]
        assert all("Retry-After" in reply.headers for reply in replies)
        assert web.get("/health").ok
    assert web.post("/setup", schema).status_code == 200
    again = web.post("/webhook", many).json()
    assert (again["recorded"], again["known"]) == (3000, 0)
    assert "Traceback" not in web.log_text()


FULL = 100_000


@contextlib.contextmanager
def limited_files(web: WebProcess) -> Iterator[None]:
    """Let the process write no file beyond a size, as a full disk would."""
    (worker,) = children(web.pid)
    before = resource.prlimit(worker, resource.RLIMIT_FSIZE)
    resource.prlimit(worker, resource.RLIMIT_FSIZE, (FULL, before[1]))
    try:
        yield
    finally:
        resource.prlimit(worker, resource.RLIMIT_FSIZE, before)


def hostile_calls() -> list[tuple[str, dict[str, Any]]]:
    """Requests that carry secrets, and requests that break something."""
    credentials = {"login": "anna", "password": "passw0rd", "context": None}
    tasks = [task(1, ADDRESS), task(2, "http://anna:hunter2@127.0.0.1:1/x.jpg"), {"id": 3, "data": None}]
    return [
        ("/setup", {"body": setup_body()}),
        ("/setup", {"body": setup_body(schema=None)}),
        ("/setup", {"data": b'{"access_token": "t0ken-of-the-creator", '}),
        ("/predict", {"body": predict_body(tasks, params=credentials)}),
        ("/predict", {"body": predict_body(photo_tasks(), label_config="<a", params=credentials)}),
        ("/predict", {"body": {"params": credentials}}),
        ("/webhook", {"body": webhook_body(), "headers": {SECRET_HEADER: "s3cret-of-webhooks"}}),
        ("/webhook/s3cret-of-webhooks", {"body": {"action": "X"}}),
        ("/webhook/wrong", {"body": webhook_body()}),
        ("/nowhere?token=hunter2", {"body": {}}),
    ]


@pytest.mark.slow
def test_no_secret_and_no_traceback_is_in_any_reply_or_log_line(
    photos: PhotoServer, new_installation: MakeInstallation
) -> None:
    own = new_installation(
        LABEL_STUDIO_URL=photos.url,
        LABEL_STUDIO_API_KEY=TOKEN,
        BASIC_AUTH_USER="anna",
        BASIC_AUTH_PASS="hunter2",
        ZEGCLIP_WEBHOOK_SECRET="s3cret-of-webhooks",
        ZEGCLIP_LOG_LEVEL="DEBUG",
    )
    worker = own.start_worker()
    web = own.start_web()
    replies: list[requests.Response] = []
    for auth in (None, ("anna", "hunter2"), ("anna", "wrong")):
        for path, options in hostile_calls():
            replies.append(web.post(path, auth=auth, **options))
        replies += [web.get(path, auth=auth) for path in ("/status", "/ready", "/jobs/nothing", "/health")]
    assert photos.tokens, "the token went to Label Studio, where it belongs"
    web.end()
    worker.end()
    texts = [reply.text + json.dumps(dict(reply.headers)) for reply in replies]
    texts += own.log_texts().splitlines()
    for text in texts:
        assert "Traceback" not in text
        assert not [secret for secret in SECRETS if secret in text], text
