"""Fixtures that every part of the suite shares."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

from backend.logs import RedactingFormatter

pytest_plugins = ["tests.label_studio", "tests.processes", "tests.embedded_model", "tests.s3"]

CHECKOUT = Path(__file__).resolve().parent.parent

# No test may fail because the machine is slow.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
# Warnings are errors here: one that torch gives once in a process would fail whichever test comes first.
torch.set_warn_always(True)


@pytest.fixture(autouse=True)
def logging_of_commands_ends_with_the_test() -> Iterator[None]:
    """A command run inside this process logs to a standard error that pytest takes away after the test."""
    root = logging.getLogger()
    level = root.level
    yield
    for handler in [one for one in root.handlers if isinstance(one.formatter, RedactingFormatter)]:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The shared material folder (data, weights, recorded requests), or a skip that says what is missing."""
    folder = Path(os.environ.get("ZEGCLIP_SHARED", CHECKOUT.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared material at {folder}: set ZEGCLIP_SHARED to its folder")
    return folder
