"""Inference workers without a model for `benchmarks.scale`: `python -m benchmarks.simulated_workers URL 256`.

A program of its own, which imports little: hundreds of forks of it find room in one machine's memory.
"""

import gc
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from rq import get_current_job

from backend.queueing.connection import SERIALIZER, connect_worker
from backend.queueing.giving_way import GaveWay, InterruptedBatch
from backend.queueing.names import INFERENCE_QUEUES
from backend.worker.names import MAINTENANCE_INTERVAL, MONITORING_INTERVAL, WORKER_LIFETIME, worker_name
from backend.worker.predict_worker import PredictWorker

SLEEP = "benchmarks.simulated_workers.sleep"


def sleep(payload: Mapping[str, Any]) -> dict[str, Any] | GaveWay:
    """Do nothing for the `seconds` that each task of a payload would take, and give way between them."""
    job = get_current_job()
    assert job is not None
    batch = InterruptedBatch(job)
    slept: list[dict[str, Any]] = []
    for seconds in payload["seconds"][len(batch.done) :]:
        if slept and batch.people_wait():
            return batch.give_way(slept)
        time.sleep(seconds)
        slept.append({"result": []})
    batch.end()
    return {"results": [*batch.done, *slept]}


def main() -> None:
    """Fork the workers and wait to be killed with them."""
    url, count = sys.argv[1], int(sys.argv[2])
    # Jobs find this module by its full name; imported before the forks, it is in each of them.
    __import__(SLEEP.rpartition(".")[0])
    gc.freeze()
    for _ in range(count):
        if os.fork() == 0:
            work(url)
    signal.pause()


def work(url: str) -> None:
    """Be one worker until killed."""
    worker = PredictWorker(
        list(INFERENCE_QUEUES),
        name=worker_name("inference"),
        connection=connect_worker(url),
        serializer=SERIALIZER,
        job_monitoring_interval=MONITORING_INTERVAL,
        maintenance_interval=MAINTENANCE_INTERVAL,
        worker_ttl=WORKER_LIFETIME,
        log_job_description=False,
    )
    worker.work(logging_level="WARNING")


if __name__ == "__main__":
    main()
