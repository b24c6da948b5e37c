import pytest

from backend.errors import QueueServerError
from backend.queueing.address import queue_address
from backend.settings import load_settings
from tests.processes import Installation, MakeInstallation


def test_a_configured_server_is_taken_as_it_is() -> None:
    assert queue_address(load_settings(redis_url="redis://queue:6379/1")) == "redis://queue:6379/1"


def test_the_server_that_runs_on_the_data_folder_is_found(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    settings = load_settings(data_dir=installation.data_dir)
    assert queue_address(settings) == installation.queue_server.url


def test_no_server_at_all_is_told_with_both_cures(
    new_installation: MakeInstallation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    own = new_installation()
    own.queue_server.stop()
    with pytest.raises(QueueServerError, match=r"(?s)zegclip start.*REDIS_URL"):
        queue_address(load_settings(data_dir=own.data_dir))
