import pytest
from rq.job import Job

from backend.jobs.deaths import Deaths, PoisonousTaskError
from backend.queueing.connection import SERIALIZER
from backend.queueing.enqueue import enqueue_predict
from backend.queueing.names import INFERENCE
from tests.processes import Installation, MakeInstallation


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


@pytest.fixture
def job_id(own: Installation) -> str:
    job = enqueue_predict({"tasks": []}, queue=INFERENCE, connection=own.connection)
    return str(job.id)


def begin(own: Installation, job_id: str) -> Deaths:
    """What a worker does when it begins a job, for the first time or once more."""
    return Deaths(Job.fetch(job_id, connection=own.connection, serializer=SERIALIZER))


def test_a_task_is_given_up_after_two_deaths(own: Installation, job_id: str) -> None:
    for _ in range(2):
        deaths = begin(own, job_id)
        deaths.begin(0)
        deaths.begin(1)
    deaths = begin(own, job_id)
    deaths.begin(0)
    with pytest.raises(PoisonousTaskError, match="2 workers died"):
        deaths.begin(1)
    deaths.begin(2)


def test_deaths_at_different_tasks_are_chance(own: Installation, job_id: str) -> None:
    for place in (0, 1):
        begin(own, job_id).begin(place)
    deaths = begin(own, job_id)
    for place in range(3):
        deaths.begin(place)


def test_a_job_that_ends_has_no_death(own: Installation, job_id: str) -> None:
    for _ in range(3):
        deaths = begin(own, job_id)
        deaths.begin(0)
        deaths.end()


def test_after_a_death_with_all_tasks_at_once_one_more_makes_a_task_poisonous(
    own: Installation, job_id: str
) -> None:
    first = begin(own, job_id)
    assert not first.any
    first.begin_all()
    second = begin(own, job_id)
    assert second.any
    second.begin(0)
    second.begin(1)
    third = begin(own, job_id)
    third.begin(0)
    with pytest.raises(PoisonousTaskError):
        third.begin(1)
