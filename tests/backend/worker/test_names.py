import os

from backend.worker.names import (
    EXECUTION_LIFETIME,
    MAINTENANCE_INTERVAL,
    MONITORING_INTERVAL,
    WORKER_LIFETIME,
    is_neighbour,
    process_space,
    worker_name,
)


def test_no_two_workers_share_a_name() -> None:
    assert worker_name("inference") != worker_name("inference")


def test_a_name_tells_kind_place_and_process() -> None:
    assert worker_name("training").startswith(f"training-{process_space()}-{os.getpid()}-")


def test_neighbours_are_workers_whose_process_ids_mean_something_here() -> None:
    assert is_neighbour(worker_name("inference"))
    assert not is_neighbour("inference-elsewhere-4026531836-17-a1b2c3")
    assert not is_neighbour(f"inference-{process_space()}0-17-a1b2c3")
    assert not is_neighbour("something")


def test_a_heartbeat_may_be_lost_without_losing_the_job() -> None:
    assert 2 * MONITORING_INTERVAL < EXECUTION_LIFETIME


def test_a_lost_job_is_found_before_label_studio_gives_up() -> None:
    # An idle worker wakes up 15 s before its lifetime ends, at the latest.
    assert EXECUTION_LIFETIME + max(MAINTENANCE_INTERVAL, WORKER_LIFETIME - 15) < 90
