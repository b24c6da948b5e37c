"""Many workers: what one and two real ones do, and how the queue behaves with up to 256 simulated ones.

Run it in the checkout: `python -m benchmarks.scale`. Everything runs on a queue server of its own. A
simulated worker is the product's own worker process with a job that sleeps as long as real tasks took in the
first part, times `--times`: ten times the embedded model is about ViT-B/16 on one core. So the queue server,
RQ and the order of the jobs are the real ones, and 256 workers need no 256 machines.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rq.job import Job

from backend.queueing import enqueue
from backend.queueing.connection import SERIALIZER
from backend.queueing.enqueue import enqueue_predict, enqueue_predicts, wait_for
from backend.queueing.names import INFERENCE, INTERACTIVE
from backend.queueing.workers import alive_workers
from benchmarks.measuring import load, percentile, table
from benchmarks.simulated_workers import SLEEP
from tests.backend.web.bodies import LABELS, photo_tasks
from tests.processes import Installation, short_folder, wait_until

TASKS = 100_000
# Without these a photograph that was seen before would cost nearly nothing.
NO_CACHES = {"ZEGCLIP_FEATURE_CACHE_BYTES": "0", "ZEGCLIP_FEATURE_MEMORY_BYTES": "0"}


def main() -> None:
    """Measure both parts and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=30, help="length of each measurement")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--times", type=float, default=10, help="how much slower the simulated model is")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[4, 1], help="tasks in one job")
    parser.add_argument("--real-only", action="store_true", help="only one and two real workers")
    options = parser.parse_args()
    recorded = real_workers(options.seconds)
    print(load())
    if options.real_only:
        return
    task_seconds = [options.times * seconds for seconds in recorded]
    enqueue.RUN_PREDICT = SLEEP
    with short_folder() as folder, Installation(folder) as own:
        idle = {count: idle_clicks(own, count, task_seconds, options.seconds) for count in options.workers}
        for size in options.batch_sizes:
            fill(own, task_seconds, size)
            rows = [
                [str(size), *busy_row(own, count, idle[count], task_seconds, size, options.seconds)]
                for count in options.workers
            ]
            print(load())
            print(table(BUSY_HEAD, rows), flush=True)


def real_workers(seconds: float) -> list[float]:
    """Print what one and two workers of one thread do; returns the seconds of single tasks."""
    recorded: list[float] = []
    rates = []
    for count in (1, 2):
        with short_folder() as folder, Installation(folder, **NO_CACHES) as own:
            for _ in range(count):
                own.start_worker()
            payload = {"tasks": 2 * photo_tasks(), "label_config": LABELS, "project": "3"}
            tasks = len(payload["tasks"])
            jobs = enqueue_predicts(
                [payload] * int(count * seconds * 50 / tasks), queue=INFERENCE, connection=own.connection
            )
            # The first jobs of a process are slower: memory is taken, kernels are chosen.
            wait_for(jobs[: 2 * count], deadline=time.monotonic() + 120)
            before, began = done(own), time.monotonic()
            time.sleep(seconds)
            rates.append(tasks * (done(own) - before) / (time.monotonic() - began))
            found = Job.fetch_many(
                [job.id for job in jobs[:100]], connection=own.connection, serializer=SERIALIZER
            )
            ended = [job for job in found if job is not None and job.ended_at is not None]
            recorded = recorded or [(job.ended_at - job.started_at).total_seconds() / tasks for job in ended]
    print(
        f"one worker {rates[0]:.2f} tasks/s, two {rates[1]:.2f}: {rates[1] / rates[0] / 2:.2f} of twice as "
        f"much; a task takes {1000 * percentile(recorded, 0.5):.0f} ms"
    )
    return recorded


def done(own: Installation) -> int:
    """Return how many jobs the living workers have done."""
    return sum(worker.successful_job_count for worker in alive_workers(own.connection))


@contextlib.contextmanager
def simulated_workers(own: Installation, count: int) -> Iterator[None]:
    """Keep so many worker processes working."""
    program = [sys.executable, "-m", "benchmarks.simulated_workers", own.redis_url, str(count)]
    # A session of its own: they are killed together, the jobs that they sleep in are nobody's loss.
    parent = subprocess.Popen(program, start_new_session=True)
    try:
        wait_until(lambda: len(alive_workers(own.connection)) == count, "all workers take jobs")
        yield
    finally:
        os.killpg(parent.pid, signal.SIGKILL)
        parent.wait()
        for worker in alive_workers(own.connection):
            worker.register_death()


def clicks(own: Installation, count: int, task_seconds: Sequence[float], seconds: float) -> list[float]:
    """Let people ask for one task after the other; returns the seconds from each question to its answer."""
    with ThreadPoolExecutor(count) as pool:
        found = pool.map(lambda seed: click(own, task_seconds, seconds, seed), range(count))
        return [one for some in found for one in some]


def click(own: Installation, task_seconds: Sequence[float], seconds: float, seed: int) -> list[float]:
    """Be one person."""
    chance = random.Random(seed)
    found = []
    ended = time.monotonic() + seconds
    while time.monotonic() < ended:
        payload = {"tasks": photo_tasks()[:1], "project": "1", "seconds": [chance.choice(task_seconds)]}
        began = time.monotonic()
        job = enqueue_predict(payload, queue=INTERACTIVE, connection=own.connection)
        wait_for([job], deadline=began + 120)
        found.append(time.monotonic() - began)
        time.sleep(chance.random() / 5)
    return found


def batches(task_seconds: Sequence[float], project: str, count: int, size: int) -> list[dict[str, Any]]:
    """Return the payloads of so many jobs of a project, as `prelabel` makes them."""
    chance = random.Random(0)
    tasks = [{"id": number, "data": {"image": f"/data/upload/1/{number:032x}.jpg"}} for number in range(size)]
    job = {"tasks": tasks, "label_config": LABELS, "project": project}
    return [{**job, "seconds": chance.choices(task_seconds, k=size)} for _ in range(count)]


def fill(own: Installation, task_seconds: Sequence[float], size: int) -> None:
    """Make the queue a project of a hundred thousand tasks; prints the rate and what it weighs."""
    own.connection.flushall()
    payloads = batches(task_seconds, "1", TASKS // size, size)
    memory = int(info(own, "used_memory"))
    began = time.monotonic()
    for payload in payloads[:1000]:
        enqueue_predict(payload, queue=INFERENCE, connection=own.connection)
    one_by_one = 1000 / (time.monotonic() - began)
    began = time.monotonic()
    enqueue_predicts(payloads[1000:], queue=INFERENCE, connection=own.connection)
    together = (len(payloads) - 1000) / (time.monotonic() - began)
    weight = int(info(own, "used_memory")) - memory
    print(
        f"{TASKS} tasks in {len(payloads)} jobs: enqueued {one_by_one:.0f} jobs/s one by one, "
        f"{together:.0f} together; {weight / 2**20:.0f} MiB in the queue server, "
        f"{weight / len(payloads):.0f} bytes a job"
    )


def busy_row(
    own: Installation,
    count: int,
    idle: Sequence[float],
    task_seconds: Sequence[float],
    size: int,
    seconds: float,
) -> list[str]:
    """Measure clicks, a small project and the queue server while the large project is worked on."""
    with simulated_workers(own, count):
        time.sleep(size * max(task_seconds))
        before = {name: info(own, name) for name in COUNTERS}
        jobs_before, began = done(own), time.monotonic()
        small = enqueue_predicts(
            batches(task_seconds, "2", 8, size), queue=INFERENCE, connection=own.connection
        )
        busy = clicks(own, people(count), task_seconds, seconds)
        lasted, jobs = time.monotonic() - began, done(own) - jobs_before
        spent = {name: info(own, name) - before[name] for name in COUNTERS}
        wait_for(small, deadline=time.monotonic() + 300)
        for job in small:
            job.refresh()
        small_took = max(job.ended_at - job.enqueued_at for job in small).total_seconds()
    cpu = spent["used_cpu_user"] + spent["used_cpu_sys"]
    return [
        str(count),
        f"{jobs / lasted:.1f}",
        figures(idle),
        figures(busy),
        f"{percentile(busy, 0.99) / percentile(idle, 0.99):.2f}",
        f"{small_took:.1f}",
        f"{100 * cpu / lasted:.1f}%",
        f"{spent['total_commands_processed'] / lasted:.0f}",
    ]


BUSY_HEAD = (
    "tasks in a job",
    "workers",
    "jobs/s",
    "click, nothing else: median, p99 (s)",
    "while 100,000 tasks wait (s)",
    "ratio of p99",
    "another project's 8 jobs (s)",
    "queue server's CPU",
    "commands/s",
)
COUNTERS = ("used_cpu_user", "used_cpu_sys", "total_commands_processed")


def idle_clicks(own: Installation, count: int, task_seconds: Sequence[float], seconds: float) -> list[float]:
    """Return how long clicks take while nothing else is done."""
    with simulated_workers(own, count):
        return clicks(own, people(count), task_seconds, seconds)


def people(workers: int) -> int:
    """Return how many people click: few enough that they seldom wait for each other."""
    return max(1, min(8, workers // 4))


def figures(seconds: Sequence[float]) -> str:
    """Return median and 99th percentile as a cell."""
    return f"{percentile(seconds, 0.5):.2f}, {percentile(seconds, 0.99):.2f}"


def info(own: Installation, name: str) -> float:
    """Return a figure that the queue server tells about itself."""
    told: Any = own.connection.info()
    return float(told[name])


if __name__ == "__main__":
    main()
