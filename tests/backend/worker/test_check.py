import pytest
from rq import SimpleWorker

from backend.queueing.connection import SERIALIZER, open_queue
from backend.worker.check import NoNeighbourError, require_neighbour
from backend.worker.names import worker_name
from tests.processes import BackendProcess, Installation, MakeInstallation


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


def register(own: Installation, name: str) -> None:
    queues = [open_queue("inference", own.connection)]
    SimpleWorker(queues, name=name, connection=own.connection, serializer=SERIALIZER).register_birth()


def test_a_living_worker_of_the_kind_is_named(own: Installation) -> None:
    name = worker_name("inference")
    register(own, name)
    assert require_neighbour("inference", own.connection) == name


def test_workers_of_other_kinds_and_other_containers_do_not_count(own: Installation) -> None:
    register(own, worker_name("training"))
    register(own, "inference-elsewhere-4026531836-1-a1b2c3")
    with pytest.raises(NoNeighbourError, match="inference"):
        require_neighbour("inference", own.connection)


@pytest.mark.slow
def test_the_command_tells_it_by_its_exit_code(
    installation: Installation, inference_worker: BackendProcess, own: Installation
) -> None:
    assert installation.start("worker", "inference", "--check", REDIS_URL=installation.redis_url).wait() == 0
    nobody = own.start("worker", "inference", "--check", REDIS_URL=own.redis_url)
    assert nobody.wait() == 1
    assert "no inference worker" in nobody.log_text()
