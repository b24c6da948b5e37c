"""The web process as a process: what it loads, how it ends, what it writes."""

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
from rq.job import Job
from rq.results import Result

from backend.queueing.connection import SERIALIZER, open_queue
from backend.queueing.names import INTERACTIVE
from tests.backend.web.bodies import predict_body, setup_body, task, webhook_body
from tests.conftest import CHECKOUT
from tests.processes import Installation, MakeInstallation, WebProcess, children, wait_until

# A body that is larger than what sockets buffer, so that a client that does not read blocks the server.
MANY = 20_000


HEAVY = ("torch", "torchvision", "open_clip", "cv2", "label_studio_sdk", "pandas")


@pytest.mark.parametrize(
    ("modules", "absent"),
    [
        ("backend.cli.web, backend.web.app, backend.web.server", HEAVY),
        # It forks for every job, which hangs after torch has run.
        ("backend.cli.worker, backend.worker.training", ("torch", "torchvision", "open_clip")),
    ],
    ids=["web", "training worker"],
)
def test_neither_the_web_process_nor_the_training_workers_parent_imports_torch(
    modules: str, absent: tuple[str, ...]
) -> None:
    code = f"import sys, {modules}; print([name for name in {absent} if name in sys.modules])"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert printed.stdout.strip() == "[]"


def test_a_running_web_process_has_not_loaded_torch_after_serving(web: WebProcess) -> None:
    web.post("/setup", setup_body(project="77.1"))
    web.get("/status")
    processes = [web.pid, *children(web.pid)]
    assert len(processes) == 2, "the arbiter and its worker"
    for pid in processes:
        assert "libtorch" not in Path(f"/proc/{pid}/maps").read_text()


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


def test_the_end_waits_for_the_answers_that_are_due(own: Installation) -> None:
    web = own.start_web()
    replies: list[requests.Response] = []
    asking = threading.Thread(
        target=lambda: replies.append(web.post("/predict", predict_body([task(1, "/a.jpg")])))
    )
    asking.start()
    queue = open_queue(INTERACTIVE, own.connection)
    wait_until(lambda: queue.count == 1, "the request waits for its job")
    web.signal(signal.SIGTERM)
    wait_until(lambda: "Handling signal: term" in web.log_text(), "the web process is ending")
    # What a worker would do.
    job = Job.fetch(queue.job_ids[0], connection=own.connection, serializer=SERIALIZER)
    items = [{"model_version": "m", "score": 0.5, "result": []}]
    Result.create(job, Result.Type.SUCCESSFUL, ttl=600, return_value={"results": items})
    asking.join()
    assert replies[0].json()["results"] == items
    assert web.wait() == 0


def test_a_taken_port_ends_with_a_message(own: Installation) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        process = own.start("web", "--port", port, REDIS_URL=own.redis_url)
        assert process.wait() == 1
    assert f"cannot listen on 127.0.0.1:{port}" in process.log_text()
    assert "Traceback" not in process.log_text()


def test_a_public_address_without_authentication_ends_with_a_message(own: Installation) -> None:
    process = own.start("web", "--host", "0.0.0.0", REDIS_URL=own.redis_url)
    assert process.wait() == 1
    assert "refusing to listen on 0.0.0.0" in process.log_text()
    assert "Traceback" not in process.log_text()


def test_a_client_that_leaves_does_not_disturb_the_others(own: Installation) -> None:
    web = own.start_web(ZEGCLIP_PREDICT_DEADLINE_SECONDS="1")
    body = json.dumps(predict_body([task(n, "/a.jpg") for n in range(MANY)])).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for sent in (head[:20], head + body[: len(body) // 2], head + body):
        with socket.create_connection(("127.0.0.1", web.port)) as leaving:
            leaving.sendall(sent)
            # Closing with an unread answer resets the connection, as a killed browser does.
            leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    wait_until(lambda: web.get("/status").json()["waiting_requests"] == 0, "nobody waits any more")
    assert web.get("/health").ok
    assert web.post("/webhook", webhook_body()).status_code == 201
    assert "Traceback" not in web.log_text()


def test_requests_that_are_no_http_are_refused_quietly(web: WebProcess) -> None:
    for nonsense in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n" * 50,
    ):
        with socket.create_connection(("127.0.0.1", web.port)) as connection:
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass
    assert web.get("/health").ok
    assert "Traceback" not in web.log_text()


def test_a_body_without_length_is_read_and_limited_too(own: Installation) -> None:
    web = own.start_web(ZEGCLIP_MAX_BODY_BYTES=str(2**16))
    small = json.dumps(setup_body()).encode()

    def in_pieces(data: bytes) -> object:
        return (data[start : start + 1000] for start in range(0, len(data), 1000))

    assert web.post("/setup", data=in_pieces(small)).json()["model_version"]
    assert web.post("/setup", data=in_pieces(b" " * 2**17)).status_code == 413


def test_label_studios_many_connections_are_kept_open(web: WebProcess) -> None:
    with requests.Session() as session:
        first = session.get(f"{web.url}/health")
        assert first.headers.get("Connection", "").lower() != "close"
        assert session.get(f"{web.url}/health").ok
