"""The training worker, on a real queue: jobs in child processes, the parent stays clean and alive."""

import time

import pytest

from backend.queueing.connection import open_queue
from backend.queueing.enqueue import Outcome, wait_for
from backend.queueing.names import INGEST, TRAINING
from tests.backend.queueing.jobs import ECHO, FAIL, HEAVY_MODULES, KILL_WORKER, WAIT_FOR_KEY
from tests.processes import BackendProcess, Installation, MakeInstallation, wait_until


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


@pytest.fixture
def worker(own: Installation) -> BackendProcess:
    return own.start_worker("training")


def run(own: Installation, function: str, *arguments: object) -> Outcome:
    job = open_queue(TRAINING, own.connection).enqueue(function, *arguments)
    (outcome,) = wait_for([job], deadline=time.monotonic() + 120)
    return outcome


def test_jobs_are_run_and_their_values_come_back(own: Installation, worker: BackendProcess) -> None:
    assert run(own, ECHO, {"n": 1}) == Outcome("done", value={"n": 1})


def test_a_job_starts_in_a_process_without_torch(own: Installation, worker: BackendProcess) -> None:
    assert run(own, HEAVY_MODULES) == Outcome("done", value=[])


def test_a_job_that_raises_or_dies_does_not_end_the_worker(own: Installation, worker: BackendProcess) -> None:
    assert run(own, FAIL, "no data").reason == "ValueError: no data"
    killed = run(own, KILL_WORKER)
    assert killed.state == "failed"
    assert "work-horse" in killed.reason.lower()
    assert run(own, ECHO, 2).value == 2
    assert worker.exit_code is None
    assert "Traceback" not in worker.log_text()


def test_corrections_are_read_while_another_project_is_trained(
    own: Installation, worker: BackendProcess
) -> None:
    training = open_queue(TRAINING, own.connection).enqueue(WAIT_FOR_KEY, own.redis_url, "trained")
    wait_until(lambda: training.get_status() == "started", "the training runs")
    own.start_worker("ingest")
    ingest = open_queue(INGEST, own.connection).enqueue(ECHO, {"n": 1})
    (outcome,) = wait_for([ingest], deadline=time.monotonic() + 120)
    assert outcome.value == {"n": 1}
    assert training.get_status() == "started"
    own.connection.set("trained", 1)
    assert wait_for([training], deadline=time.monotonic() + 120)[0].state == "done"


def test_the_request_to_end_is_followed(own: Installation, worker: BackendProcess) -> None:
    # Its first job is done: it has come as far as listening to signals.
    assert run(own, ECHO, 1).state == "done"
    assert worker.end() == 0
