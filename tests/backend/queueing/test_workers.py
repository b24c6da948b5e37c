import pytest
from rq import SimpleWorker

from backend.errors import QueueUnavailableError
from backend.queueing.connection import SERIALIZER, connect, open_queue
from backend.queueing.names import ALL_QUEUES, INFERENCE_QUEUES, TRAINING
from backend.queueing.workers import (
    NoWorkersError,
    alive_workers,
    count_workers,
    require_inference_workers,
)
from tests.processes import Installation, MakeInstallation


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


def register(own: Installation, name: str, queues: tuple[str, ...]) -> SimpleWorker:
    opened = [open_queue(queue, own.connection) for queue in queues]
    worker = SimpleWorker(opened, name=name, connection=own.connection, serializer=SERIALIZER)
    worker.register_birth()
    return worker


def test_without_workers_the_cure_is_named(own: Installation) -> None:
    assert alive_workers(own.connection) == []
    with pytest.raises(NoWorkersError, match="zegclip worker inference"):
        require_inference_workers(own.connection)


def test_workers_are_counted_by_the_queues_they_serve(own: Installation) -> None:
    register(own, "one", INFERENCE_QUEUES)
    register(own, "two", INFERENCE_QUEUES)
    register(own, "three", (TRAINING,))
    assert require_inference_workers(own.connection) == 2
    assert count_workers(own.connection, (TRAINING,)) == 1
    assert count_workers(own.connection, ALL_QUEUES) == 3


def test_a_worker_that_ended_is_not_counted(own: Installation) -> None:
    register(own, "one", INFERENCE_QUEUES).register_death()
    assert count_workers(own.connection) == 0


def test_a_worker_that_has_been_silent_for_its_lifetime_is_not_counted(own: Installation) -> None:
    worker = register(own, "one", INFERENCE_QUEUES)
    # What the queue server does itself when no heartbeat comes any more.
    own.connection.delete(worker.key)
    assert count_workers(own.connection) == 0


def test_a_server_that_is_away_is_no_empty_list() -> None:
    with pytest.raises(QueueUnavailableError):
        alive_workers(connect("redis://127.0.0.1:9"))
