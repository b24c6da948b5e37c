"""Many callers for minutes: who is served, who is refused, what stays flat, how soon it is over.

Run it in the checkout: `python -m benchmarks.soak`. It starts a queue server, a web process and an inference
worker of its own. Two hundred callers ask for predictions as fast as they are answered; a refused one comes
back when `Retry-After` says. Some leave before the answer, some stall within their body, some ask twice at
once. Every task has an id of its own, so that lost and doubled work can be counted at the end.
"""

import argparse
import collections
import itertools
import json
import random
import socket
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from backend.queueing.batch_queues import batch_queues
from backend.queueing.connection import open_queue
from backend.queueing.names import INTERACTIVE
from benchmarks.measuring import load, resident_bytes, table
from tests.backend.web.bodies import photo_tasks, predict_body
from tests.processes import Installation, WebProcess, children, short_folder

# Of a hundred requests. The rest wait for their answer.
LEAVING, STALLING, TWICE = 5, 1, 10
STALL_SECONDS = 25.0
PATIENCE_SECONDS = 120.0


@dataclass(slots=True)
class Tally:
    """What happened to the requests so far.

    Attributes:
        outcomes: how often by name.
        asked: tasks that somebody waited for.
        painted: tasks that came back with regions.
        seconds: latencies of the answers with regions.

    """

    outcomes: "collections.Counter[str]" = field(default_factory=collections.Counter)
    asked: set[int] = field(default_factory=set)
    painted: set[int] = field(default_factory=set)
    seconds: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, outcome: str, task: int | None = None, seconds: float = 0.0) -> None:
        """Count an outcome; with a task, its answer with regions."""
        with self._lock:
            self.outcomes[outcome] += 1
            if task is not None:
                self.painted.add(task)
                self.seconds.append(seconds)


class Callers:
    """Threads that ask until they are told to stop; what was asked for is then still waited for.

    Args:
        web: whom they ask.
        count: how many.

    """

    def __init__(self, *, web: WebProcess, count: int) -> None:
        self.tally = Tally()
        self._web = web
        self._numbers = itertools.count(1)
        self._ended = threading.Event()
        self._photo = photo_tasks()[0]
        self._threads = [threading.Thread(target=self._call, args=(seed,)) for seed in range(count)]

    def start(self) -> None:
        """Let them begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Return when every caller has its last answer; refused ones do not come back."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    @property
    def tasks(self) -> int:
        """How many tasks were made so far."""
        return next(self._numbers) - 1

    def _call(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self._ended.is_set():
            task = next(self._numbers)
            body = json.dumps(predict_body([self._photo | {"id": task}])).encode()
            dice = chance.randrange(100)
            if dice < LEAVING:
                self._leave(body)
            elif dice < LEAVING + STALLING:
                self._stall(body)
            elif dice < LEAVING + STALLING + TWICE:
                copy = threading.Thread(target=self._ask, args=(task, body))
                copy.start()
                self._ask(task, body)
                copy.join()
            else:
                self._ask(task, body)

    def _ask(self, task: int, body: bytes) -> None:
        """Ask until the task is painted, coming back when a refusal says."""
        self.tally.asked.add(task)
        while True:
            began = time.monotonic()
            try:
                reply = requests.post(
                    f"{self._web.url}/predict",
                    data=body,
                    headers={"Content-Type": "application/json"},
                    timeout=PATIENCE_SECONDS,
                )
            except requests.ConnectionError:
                self.tally.count("connection broke, asked again")
                continue
            if reply.status_code == 503:
                self.tally.count("refused, 503 with Retry-After")
                self._ended.wait(float(reply.headers["Retry-After"]))
                if self._ended.is_set() or task in self.tally.painted:
                    self.tally.asked.discard(task)
                    return None
                continue
            (item,) = reply.json()["results"]
            if item.get("result"):
                return self.tally.count("painted", task, time.monotonic() - began)
            self.tally.count(f"{reply.status_code} without regions")

    def _leave(self, body: bytes) -> None:
        with self._connected(body) as connection:
            time.sleep(0.2)
            # Closing with an unread answer resets the connection, as a killed browser does.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.tally.count("left before the answer")

    def _stall(self, body: bytes) -> None:
        with self._connected(body, sent=len(body) // 2) as connection:
            connection.settimeout(STALL_SECONDS + PATIENCE_SECONDS)
            answer = connection.recv(64).split()
        self.tally.count(f"stalled, told {answer[1].decode() if len(answer) > 1 else 'nothing'}")

    def _connected(self, body: bytes, *, sent: int | None = None) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._web.port))
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        connection.sendall(head + body[:sent])
        return connection


def main() -> None:
    """Load, look at intervals, stop, and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--looks", type=int, default=20, help="how often memory and files are looked at")
    options = parser.parse_args()
    with short_folder() as folder, Installation(folder) as own:
        web, worker = own.start_web(), own.start_worker()
        one_click(web)
        idle = one_click(web)
        server = own.queue_server._process
        assert server is not None
        processes = {
            "web": children(web.pid)[0],
            "inference worker": worker.pid,
            "queue server": server.pid,
        }
        callers = Callers(web=web, count=options.callers)
        callers.start()
        looks = []
        for _ in range(options.looks):
            time.sleep(60 * options.minutes / options.looks)
            looks.append({name: (resident_bytes(pid), open_files(pid)) for name, pid in processes.items()})
        print(load())
        ended = time.monotonic()
        stopping = threading.Thread(target=callers.stop)
        stopping.start()
        while not is_idle(own, web):
            time.sleep(0.1)
        print(f"idle {time.monotonic() - ended:.1f} s after the last question", end="; ")
        print(f"one click: {1000 * idle:.0f} ms before, {1000 * one_click(web):.0f} ms afterwards")
        stopping.join()
        tell(callers, jobs_done(web), looks, minutes=options.minutes)


def tell(callers: Callers, jobs: int, looks: Sequence[dict[str, tuple[int, int]]], *, minutes: float) -> None:
    """Print what happened to the requests and to the processes."""
    tally = callers.tally
    print(table(("outcome", "requests"), [[n, str(c)] for n, c in sorted(tally.outcomes.items())]))
    print(
        f"tasks {callers.tasks}, waited for {len(tally.asked | tally.painted)}, of these never painted "
        f"{len(tally.asked - tally.painted)}; jobs done {jobs}; "
        f"answers: median {statistics.median(tally.seconds):.1f} s, slowest {max(tally.seconds):.1f} s"
    )
    rows = []
    for name in looks[0]:
        sizes = [look[name][0] / 2**20 for look in looks]
        files = [float(look[name][1]) for look in looks]
        late = sizes[len(sizes) // 2 :]
        per_hour = slope(late) * len(looks) / minutes * 60
        spans = [f"{min(v):.0f} to {max(v):.0f}" for v in (sizes, files)]
        ends = [f"{v[0]:.0f}, {v[-1]:.0f}" for v in (sizes, files)]
        rows.append([name, ends[0], spans[0], f"{per_hour:+.0f}", ends[1], spans[1]])
    print(
        table(
            (
                "process",
                "MB first, last",
                "range",
                "MB an hour, second half",
                "open files first, last",
                "range",
            ),
            rows,
        )
    )


def slope(values: Sequence[float]) -> float:
    """Return the least-squares slope in units for each step."""
    return statistics.linear_regression(range(len(values)), values).slope if len(values) > 1 else 0.0


def open_files(pid: int) -> int:
    """Return how many file descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def one_click(web: WebProcess) -> float:
    """Return the seconds that one task takes while nobody else asks."""
    began = time.monotonic()
    reply: Any = web.post("/predict", predict_body(photo_tasks()[:1])).json()
    if not reply["results"][0].get("result"):
        raise SystemExit(f"no regions: {reply}")
    return time.monotonic() - began


def jobs_done(web: WebProcess) -> int:
    """Return how many jobs the workers have done, less those of the clicks before and afterwards."""
    return sum(worker["done"] for worker in web.get("/status").json()["workers"]) - 3


def is_idle(own: Installation, web: WebProcess) -> bool:
    """Whether no job waits and there is room for another request; stalled ones may still hold a place."""
    queues = [open_queue(INTERACTIVE, own.connection), *batch_queues(own.connection)]
    return all(queue.count == 0 for queue in queues) and web.post("/predict", predict_body([])).ok


if __name__ == "__main__":
    main()
