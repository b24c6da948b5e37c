"""Fixtures that every part of the suite shares."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.label_studio", "tests.processes", "tests.embedded_model"]

CHECKOUT = Path(__file__).resolve().parent.parent

# No test may fail because the machine is slow.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The shared material folder (data, weights, recorded requests), or a skip that says what is missing."""
    folder = Path(os.environ.get("ZEGCLIP_SHARED", CHECKOUT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared material at {folder}: set ZEGCLIP_SHARED to its folder")
    return folder
