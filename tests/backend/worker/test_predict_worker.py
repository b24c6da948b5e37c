import contextlib
import time

import pytest
from rq import Queue

from backend.queueing.connection import SERIALIZER, connect, open_queue
from backend.worker.names import EXECUTION_LIFETIME
from backend.worker.predict_worker import PredictWorker
from tests.backend.queueing.jobs import ECHO
from tests.processes import Installation, MakeInstallation, wait_until

WATCH_CLAIM = f"{__name__}.watch_claim"


def watch_claim(url: str, queue: str) -> dict[str, float]:
    """A job that looks from inside at how long it is claimed for, until the claim is renewed."""
    with contextlib.closing(connect(url)) as connection:

        def claimed_until() -> float:
            key = open_queue(queue, connection).started_job_registry.key
            ((_, until),) = connection.zrange(key, 0, -1, withscores=True)
            return float(until)

        first, now = claimed_until(), time.time()
        wait_until(lambda: claimed_until() > first, "the claim is renewed")
        return {"first": first - now, "renewed": claimed_until() - first}


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


@pytest.fixture
def queue(own: Installation) -> Queue:
    return open_queue("inference", own.connection)


def work(queue: Queue) -> None:
    worker = PredictWorker(
        [queue.name],
        name="one",
        connection=queue.connection,
        serializer=SERIALIZER,
        job_monitoring_interval=1,
    )
    worker.work(burst=True, logging_level="ERROR")


def test_a_running_job_is_claimed_for_seconds_again_and_again(own: Installation, queue: Queue) -> None:
    job = queue.enqueue(WATCH_CLAIM, own.redis_url, queue.name, job_timeout=600)
    work(queue)
    claims = job.latest_result().return_value
    assert 0 < claims["first"] <= EXECUTION_LIFETIME + 1
    assert claims["renewed"] > 0


def test_a_finished_job_is_claimed_by_nobody(queue: Queue) -> None:
    job = queue.enqueue(ECHO, {"n": 1})
    work(queue)
    assert job.latest_result().return_value == {"n": 1}
    assert queue.started_job_registry.get_job_ids() == []
