"""One training per project on all machines, against a real queue server."""

import secrets

import pytest

from backend.errors import QueueUnavailableError
from backend.queueing.training_fence import SharedTrainingFence
from tests.processes import Installation, MakeInstallation, wait_until
from training.registry.errors import FenceHeldError, LostFenceError


@pytest.fixture
def key() -> str:
    return f"7-{secrets.randbelow(10**9)}"


def fence(installation: Installation, key: str, **options: float) -> SharedTrainingFence:
    return SharedTrainingFence(connection=installation.connection, key=key, **options)


def test_a_second_training_is_refused_until_the_first_one_ends(installation: Installation, key: str) -> None:
    with fence(installation, key) as first:
        first.require_newest()
        with pytest.raises(FenceHeldError, match=key), fence(installation, key):
            pass
        with fence(installation, f"{key}1") as other_project:
            other_project.require_newest()
    with fence(installation, key) as second:
        second.require_newest()


def test_a_lock_is_renewed_while_its_process_lives(installation: Installation, key: str) -> None:
    lock = f"zegclip:training:{key}"
    with fence(installation, key, lifetime=60.0, renew_every=0.2):
        installation.connection.expire(lock, 30)
        wait_until(lambda: installation.connection.ttl(lock) > 40, "the lock is renewed")
    assert not installation.connection.exists(lock)


def test_a_training_whose_lock_ran_out_is_overtaken_and_told_so(installation: Installation, key: str) -> None:
    with fence(installation, key) as first:
        # As if its process had been suspended for too long.
        installation.connection.delete(f"zegclip:training:{key}")
        with fence(installation, key) as second:
            second.require_newest()
            with pytest.raises(LostFenceError, match="overtaken"):
                first.require_newest()


def test_without_the_queue_server_nothing_is_published(new_installation: MakeInstallation, key: str) -> None:
    own = new_installation()
    with fence(own, key) as first:
        own.kill_queue_server()
        with pytest.raises(QueueUnavailableError):
            first.require_newest()
    with pytest.raises(QueueUnavailableError), fence(own, key):
        pass
