from collections.abc import Iterator

import pytest

from tests.faults.photo_server import PhotoServer, photo_server


@pytest.fixture
def photos() -> Iterator[PhotoServer]:
    """A server for images that the test can hold back."""
    with photo_server() as running:
        yield running
