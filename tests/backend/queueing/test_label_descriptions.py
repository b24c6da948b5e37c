import pytest

from backend.errors import QueueUnavailableError
from backend.queueing import label_descriptions as module
from backend.queueing.connection import connect, open_queue
from backend.queueing.label_descriptions import label_description
from backend.queueing.names import INFERENCE
from tests.backend.queueing.conftest import RunJobs
from tests.backend.queueing.jobs import ECHO_FIRST
from tests.processes import Installation, MakeInstallation


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


@pytest.fixture
def connection(own: Installation) -> object:
    """A queue server without the suite's own worker."""
    return own.connection


def test_a_configuration_is_asked_once_and_told_for_a_day(
    own: Installation, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RUN_DESCRIBE_LABELS", ECHO_FIRST)
    for _ in range(3):
        assert label_description("<View/>", None, connection=own.connection, wait=False) is None
    queue = open_queue(INFERENCE, own.connection)
    assert queue.count == 1
    run_jobs(INFERENCE)
    assert label_description("<View/>", None, connection=own.connection, wait=False) == {"got": "<View/>"}
    assert queue.count == 0


def test_other_labels_and_other_settings_are_other_questions(own: Installation) -> None:
    for config, settings in (("<View/>", None), ("<View />", None), ("<View/>", {"a": 1})):
        label_description(config, settings, connection=own.connection, wait=False)
    assert open_queue(INFERENCE, own.connection).count == 3


def test_without_a_queue_server_the_error_says_so() -> None:
    with pytest.raises(QueueUnavailableError):
        label_description("<View/>", None, connection=connect("redis://127.0.0.1:9"), wait=False)
