import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.images.errors import ImageAddressError, ImageMissingError
from backend.images.read_ahead import ReadAhead
from backend.images.source import ImageSource
from backend.label_studio.origin import LabelStudioOrigin
from tests.http_server import Answer, Asked, LocalServer

PATIENCE = 60.0


@pytest.fixture
def ahead(server: LocalServer, tmp_path: Path) -> ReadAhead:
    """Reads ahead from `server`."""
    images = ImageSource(
        label_studio=LabelStudioOrigin(url=server.url, api_key=None),
        cache_dir=tmp_path,
        cache_bytes=1_000_000,
        max_bytes=100_000,
        max_pixels=1000,
    )
    return ReadAhead(images, project="1")


@pytest.fixture
def asked(server: LocalServer, png: bytes) -> Iterator[threading.Event]:
    """Set when the server is asked for /data/a.png."""
    event = threading.Event()

    def answer(_: Asked) -> Answer:
        event.set()
        return Answer(png)

    server.routes["/data/a.png"] = answer
    yield event


def test_an_announced_image_comes_before_anybody_asks(
    ahead: ReadAhead, asked: threading.Event, server: LocalServer, png: bytes
) -> None:
    ahead.announce(["/data/a.png"], task_id=1)
    assert asked.wait(PATIENCE)
    content = ahead.fetch("/data/a.png", task_id=1)
    assert content == png
    assert ahead.decode(content).shape == (3, 4, 3)
    assert len(server.asked) == 1


def test_an_image_at_hand_starts_no_thread(
    ahead: ReadAhead, server: LocalServer, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.routes["/data/a.png"] = Answer(png)
    ahead.fetch("/data/a.png", task_id=1)
    monkeypatch.setattr("threading.Thread.start", lambda _: pytest.fail("a thread was started"))
    ahead.announce(["/data/a.png"], task_id=2)
    assert ahead.fetch("/data/a.png", task_id=2) == png
    assert len(server.asked) == 1


def test_what_is_no_address_fails_where_it_is_asked_for(ahead: ReadAhead) -> None:
    ahead.announce(["file:///etc/passwd"], task_id=1)
    with pytest.raises(ImageAddressError):
        ahead.fetch("file:///etc/passwd", task_id=1)


def test_the_caller_goes_on_while_an_image_is_fetched(
    ahead: ReadAhead, server: LocalServer, png: bytes
) -> None:
    painted = threading.Event()
    server.routes["/data/a.png"] = lambda _: Answer(png) if painted.wait(PATIENCE) else Answer(status=504)
    ahead.announce(["/data/a.png"], task_id=1)
    painted.set()
    assert ahead.fetch("/data/a.png", task_id=1) == png


def test_what_was_not_announced_is_fetched_when_asked_for(
    ahead: ReadAhead, server: LocalServer, png: bytes
) -> None:
    server.routes["/data/b.png"] = lambda _: Answer(png)
    ahead.announce([], task_id=1)
    assert ahead.fetch("/data/b.png", task_id=1) == png


def test_a_failure_is_raised_where_the_image_is_asked_for(
    ahead: ReadAhead, asked: threading.Event, png: bytes
) -> None:
    ahead.announce(["/data/missing.png", "/data/a.png"], task_id=1)
    assert asked.wait(PATIENCE)
    with pytest.raises(ImageMissingError):
        ahead.fetch("/data/missing.png", task_id=1)
    assert ahead.fetch("/data/a.png", task_id=1) == png
