"""More requests than can be held; callers that leave, that stall, that ask again: with real processes."""

import functools
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from rq.job import Job
from rq.results import Result

from backend.queueing.batch_queues import batch_queues
from backend.queueing.connection import open_queue
from backend.queueing.names import INTERACTIVE
from tests.backend.web.bodies import photo_tasks, predict_body, task
from tests.processes import Installation, MakeInstallation, WebProcess, wait_until

LIMIT = 8
CALLERS = 60


def waiting_jobs(own: Installation) -> list[Job]:
    queues = [open_queue(INTERACTIVE, own.connection), *batch_queues(own.connection)]
    return [job for queue in queues for job in queue.jobs]


def held(web: WebProcess) -> int:
    return int(web.get("/status").json()["waiting_requests"])


def finish(job: Job) -> None:
    """End a job as a worker would."""
    items = [{"model_version": "m", "score": 0.5, "result": []} for _ in job.args[0]["tasks"]]
    Result.create(job, Result.Type.SUCCESSFUL, ttl=600, return_value={"results": items})


@pytest.mark.slow
def test_beyond_the_bound_requests_are_refused_at_once_the_others_are_served_and_all_is_well_again(
    new_installation: MakeInstallation,
) -> None:
    own = new_installation()
    web = own.start_web(ZEGCLIP_MAX_WAITING_REQUESTS=str(LIMIT))
    (cat, _) = photo_tasks()
    with ThreadPoolExecutor(CALLERS) as pool:
        # Nobody works yet: whoever is let in is held.
        asked = [
            pool.submit(web.post, "/predict", predict_body([cat | {"id": number}]))
            for number in range(CALLERS)
        ]
        wait_until(lambda: sum(one.done() for one in asked) == CALLERS - LIMIT, "the others are refused")
        assert held(web) == LIMIT
        assert len(waiting_jobs(own)) == LIMIT
        assert web.get("/health").ok
        own.start_worker()
        replies = [one.result() for one in asked]
    refused = [reply for reply in replies if reply.status_code == 503]
    served = [reply for reply in replies if reply.status_code == 200]
    assert (len(refused), len(served)) == (CALLERS - LIMIT, LIMIT)
    assert all(int(reply.headers["Retry-After"]) > 0 for reply in refused)
    assert all(reply.json()["results"][0]["result"] for reply in served)
    again = web.post("/predict", predict_body([cat | {"id": 1}]))
    assert again.json()["results"][0]["result"]
    assert held(web) == 0
    assert waiting_jobs(own) == []


def test_a_request_that_is_sent_again_after_its_caller_left_is_done_once(
    new_installation: MakeInstallation,
) -> None:
    own = new_installation()
    web = own.start_web()
    body = json.dumps(predict_body([task(1, "/a.jpg")])).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", web.port)) as leaving:
        leaving.sendall(head + body)
        wait_until(lambda: len(waiting_jobs(own)) == 1, "the job is queued")
        leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    replies: list[requests.Response] = []
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(web.post, "/predict", data=body, headers=JSON) for _ in range(2)]
        wait_until(lambda: held(web) == 3, "both wait")
        (job,) = waiting_jobs(own)
        finish(job)
        replies = [one.result() for one in asked]
    assert [reply.json()["results"][0]["model_version"] for reply in replies] == ["m", "m"]
    wait_until(lambda: held(web) == 0, "nobody waits any more")


JSON = {"Content-Type": "application/json"}


@pytest.fixture
def hurried(new_installation: MakeInstallation) -> WebProcess:
    """A web process that gives a stalled caller up after a second; it can hold few."""
    own = new_installation()
    return own.start_web(ZEGCLIP_CLIENT_PAUSE_SECONDS="1", ZEGCLIP_MAX_WAITING_REQUESTS="2")


def stalled(web: WebProcess, sent: bytes) -> socket.socket:
    """A caller that sends something and then neither sends nor reads."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", web.port))
    connection.sendall(sent)
    return connection


def test_a_caller_that_stalls_within_its_body_is_told_and_its_place_is_free_again(
    hurried: WebProcess,
) -> None:
    half = b'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"tasks": ['
    callers = [stalled(hurried, half) for _ in range(2)]
    try:
        replies = [b"".join(iter(functools.partial(caller.recv, 1000), b"")) for caller in callers]
        assert [reply.split()[1] for reply in replies] == [b"408", b"408"]
        assert b'"slow"' in replies[0]
        wait_until(lambda: held(hurried) == 0, "both places are free again")
        assert hurried.post("/predict", predict_body([])).json() == {"results": []}
    finally:
        for caller in callers:
            caller.close()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"POST /predict HTTP/1.1\r\nHost:", id="within its headers"),
        pytest.param(b'POST /setup HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"', id="within a body"),
    ],
)
def test_stalled_callers_on_every_thread_do_not_keep_the_others_away(
    sent: bytes, hurried: WebProcess
) -> None:
    callers = [stalled(hurried, sent) for _ in range(40)]
    try:
        wait_until(lambda: answers_soon(hurried), "the web process answers")
    finally:
        for caller in callers:
            caller.close()
    assert hurried.exit_code is None
    assert "Traceback" not in hurried.log_text()


def answers_soon(web: WebProcess) -> bool:
    try:
        return requests.get(f"{web.url}/health", timeout=5).ok
    except requests.RequestException:
        return False


def test_many_copies_of_one_batch_are_one_batch(new_installation: MakeInstallation) -> None:
    own = new_installation()
    web = own.start_web(ZEGCLIP_BATCH_SIZE="2")
    body: dict[str, Any] = predict_body([task(number, "/a.jpg") for number in range(6)])
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(web.post, "/predict", body) for _ in range(20)]
        wait_until(lambda: held(web) == 20, "all of them wait")
        jobs = waiting_jobs(own)
        assert len(jobs) == 3
        for job in jobs:
            finish(job)
        replies = [one.result().json()["results"] for one in asked]
    assert all(len(items) == 6 for items in replies)
