"""`zegclip jobs`, on a real queue server."""

import pytest
from rq.job import Job

from backend.cli import main
from backend.queueing.connection import SERIALIZER
from backend.queueing.learning_jobs import enqueue_learning, waiting_job
from tests.backend.learning.pretend import KEY
from tests.processes import Installation, MakeInstallation

WHY = "12 new corrections"


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


def jobs(own: Installation, *words: str) -> int:
    return main(["jobs", "--data-dir", str(own.data_dir), "--redis-url", own.redis_url, *words])


def queue(own: Installation, key: str = KEY, job_id: str = f"train-{KEY}-x") -> bool:
    payload = {"key": key, "run": job_id}
    return enqueue_learning("train", payload, job_id=job_id, connection=own.connection, why=WHY)


def test_an_idle_queue_says_so(own: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    assert jobs(own, "--follow") == 0
    assert "nothing runs" in capsys.readouterr().out


def test_a_waiting_job_is_shown_with_its_cause(own: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    queue(own)
    queue(own, "8-1", "train-8-1-x")
    assert jobs(own, "--project", "7") == 0
    assert capsys.readouterr().out.splitlines() == [f"queued     train project {KEY}: {WHY}"]


def test_a_running_job_tells_stage_steps_and_time_left(
    own: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    queue(own)
    job = Job.fetch(f"train-{KEY}-x", connection=own.connection, serializer=SERIALIZER)
    job.meta["progress"] = {"stage": "training", "done": 3, "total": 9, "seconds_left": 61.2, "loss": 0.5}
    job.save_meta()
    job.set_status("started")
    assert jobs(own) == 0
    assert "training, 3 of 9, loss 0.500, about 61 s left" in capsys.readouterr().out


def test_one_cause_is_queued_once_and_one_training_waits_at_most(own: Installation) -> None:
    assert queue(own)
    assert not queue(own)
    assert not queue(own, job_id=f"train-{KEY}-y")
    assert queue(own, "8-1", "train-8-1-x")
    assert waiting_job("train", KEY, connection=own.connection) == f"train-{KEY}-x"
