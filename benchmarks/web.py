"""The web process: time to its first answer, memory, and answers while an inference worker is busy.

Run it in the checkout: `python -m benchmarks.web`. It starts a queue server, a web process and an inference
worker of its own. Latencies are the caller's, with a new connection for each request, as Label Studio makes.
"""

import argparse
import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from backend.event_log import EventLog
from backend.queueing.enqueue import enqueue_predict
from backend.queueing.names import INFERENCE
from benchmarks.measuring import SPREAD_HEAD, load, resident_bytes, spread, table
from tests.backend.web.bodies import LABELS, photo_tasks, predict_body, setup_body, webhook_body
from tests.processes import Installation, WebProcess, children, short_folder

STARTS = 5
CALLERS = 48
_POLL_SECONDS = 0.005


def main() -> None:
    """Measure everything and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20, help="length of each measurement")
    parser.add_argument("--rate", type=float, default=200, help="webhooks in a second")
    options = parser.parse_args()
    with short_folder() as folder, Installation(folder) as own:
        started = first_answers(own)
        web = own.start_web()
        # A user's calls: what they load stays loaded.
        web.post("/setup", setup_body())
        web.get("/status")
        memory = [resident_bytes(pid) for pid in (web.pid, *children(web.pid))]
        own.start_worker()
        web.post("/predict", predict_body(photo_tasks()))
        with busy(own):
            rows = [
                ["GET /health", *spread(repeat(lambda: call(web, "GET", "/health"), options.seconds))],
                ["POST /setup", *spread(repeat(setup_call(web), options.seconds))],
            ]
        webhooks = at_rate(web, rate=options.rate, seconds=options.seconds)
        rows.append([f"POST /webhook, {options.rate:.0f}/s", *spread(webhooks)])
        log = EventLog(path=own.data_dir / "events.sqlite3")
        stored = log.counts().get("ANNOTATION_CREATED", 0)
        log.close()
    print(load())
    print(f"first answer after (ms, {STARTS} starts): " + ", ".join(f"{1000 * s:.0f}" for s in started))
    print("resident (MB), arbiter and worker: " + ", ".join(f"{size / 2**20:.0f}" for size in memory))
    print(f"webhooks sent {len(webhooks)}, stored {stored}")
    print(table(("call, ms", *SPREAD_HEAD), rows))


def first_answers(own: Installation) -> list[float]:
    """Return the seconds from starting the program to its first answer, for some starts."""
    found = []
    for _ in range(STARTS):
        began = time.perf_counter()
        web = WebProcess(
            environment=own._environment({"REDIS_URL": own.redis_url}), log=own.folder / "starts.log"
        )
        while not web.answers():
            time.sleep(_POLL_SECONDS)
        found.append(time.perf_counter() - began)
        web.end()
    return found


@contextlib.contextmanager
def busy(own: Installation) -> Iterator[None]:
    """Keep the inference worker working."""
    ended = threading.Event()
    payload = {"tasks": photo_tasks() * 2, "label_config": LABELS, "project": "3"}

    def feed() -> None:
        jobs = [enqueue_predict(payload, queue=INFERENCE, connection=own.connection) for _ in range(3)]
        while not ended.wait(_POLL_SECONDS * 10):
            if jobs[0].is_finished or jobs[0].is_failed:
                jobs = [*jobs[1:], enqueue_predict(payload, queue=INFERENCE, connection=own.connection)]

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        yield
    finally:
        ended.set()
        feeder.join()


def repeat(one_call: Callable[[], float], seconds: float, *, pause: float = 0.05) -> list[float]:
    """Call again and again with a pause, as a person's clicks do; return what each call took."""
    found = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found.append(one_call())
        time.sleep(pause)
    return found


def at_rate(web: WebProcess, *, rate: float, seconds: float) -> list[float]:
    """Send different webhooks at a steady rate, whether or not the last ones were answered."""
    count = int(rate * seconds)
    bodies = [json.dumps(webhook_body(annotation=number)).encode() for number in range(count)]
    began = time.perf_counter() + 0.5

    def send(number: int) -> float:
        time.sleep(max(0.0, began + number / rate - time.perf_counter()))
        return call(web, "POST", "/webhook", bodies[number])

    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(send, range(count)))


def setup_call(web: WebProcess) -> Callable[[], float]:
    """Return a call that sends a project's labels."""
    body = json.dumps(setup_body()).encode()
    return lambda: call(web, "POST", "/setup", body)


def call(web: WebProcess, method: str, path: str, body: bytes | None = None) -> float:
    """Send one request over a new connection and return the seconds until its answer was read."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
    connection.request(method, path, body, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    reply.read()
    connection.close()
    if reply.status >= 300:
        raise SystemExit(f"{method} {path} answered {reply.status}")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
