"""Servers and pictures for the tests of images."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from tests.http_server import LocalServer


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """A web server that may be asked for images."""
    with LocalServer() as running:
        yield running


@pytest.fixture
def other_server() -> Iterator[LocalServer]:
    """Another one, at another port."""
    with LocalServer() as running:
        yield running


@pytest.fixture(scope="session")
def png() -> bytes:
    """A picture of 4 x 3 pixels, all different."""
    pixels = np.arange(36, dtype=np.uint8).reshape(3, 4, 3) * 7
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
