import gzip
import itertools
import socket
import time
from collections.abc import Iterator

import pytest

from backend.images.address_guard import AddressGuard
from backend.images.errors import (
    ImageAddressError,
    ImageContentError,
    ImageError,
    ImageMissingError,
    ImageRefusedError,
    ImageUnreachableError,
)
from backend.images.http_download import HttpDownloader
from tests.http_server import Answer, Asked, LocalServer, redirect

TOKEN = {"Authorization": "Token secret"}
NO_WAITS = (0.0, 0.0)


def downloader(
    *servers: LocalServer,
    max_bytes: int = 10_000,
    waits: tuple[float, ...] = NO_WAITS,
    max_seconds: float = 60.0,
) -> HttpDownloader:
    """A downloader that may connect to these servers and to no other one of this machine."""
    guard = AddressGuard(allowed_origins=[("127.0.0.1", server.port) for server in servers])
    return HttpDownloader(guard=guard, max_bytes=max_bytes, waits=waits, max_seconds=max_seconds)


def test_a_file_comes_with_the_headers_that_were_given(server: LocalServer) -> None:
    server.routes["/a.png"] = Answer(b"pixels")
    assert downloader(server).fetch(f"{server.url}/a.png?size=1", headers=TOKEN) == b"pixels"
    asked = server.asked[0]
    assert asked.target == "/a.png?size=1"
    assert asked.authorization == "Token secret"
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"


def test_user_and_password_in_an_address_do_not_reach_the_host_header(server: LocalServer) -> None:
    server.routes["/a.png"] = Answer(b"pixels")
    downloader(server).fetch(f"http://user:word@127.0.0.1:{server.port}/a.png")
    assert server.asked[0].headers["host"] == f"127.0.0.1:{server.port}"


def test_the_connection_goes_to_the_address_that_was_checked(server: LocalServer) -> None:
    # A name server that tells another address each time must not get its second answer used.
    looked_up: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["127.0.0.1"] if len(looked_up) == 1 else ["203.0.113.1"]

    server.routes["/a.png"] = Answer(b"pixels")
    guard = AddressGuard(allowed_hosts=["photos.example"], resolver=rebinding)
    fetched = HttpDownloader(guard=guard, max_bytes=100).fetch(f"http://photos.example:{server.port}/a.png")
    assert fetched == b"pixels"
    assert looked_up == ["photos.example"]
    assert server.asked[0].headers["host"] == f"photos.example:{server.port}"


def test_of_several_addresses_the_first_that_answers_is_taken(server: LocalServer) -> None:
    # Like "localhost", which is ::1 and 127.0.0.1 while many servers listen at one of them only.
    server.routes["/a.png"] = Answer(b"pixels")
    guard = AddressGuard(allowed_hosts=["localhost"], resolver=lambda host, port: ["::1", "127.0.0.1"])
    fetched = HttpDownloader(guard=guard, max_bytes=100).fetch(f"http://localhost:{server.port}/a.png")
    assert fetched == b"pixels"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_without_the_token(
    server: LocalServer, other_server: LocalServer, status: int
) -> None:
    server.routes["/a.png"] = redirect(f"{other_server.url}/b.png", status)
    other_server.routes["/b.png"] = Answer(b"pixels")
    assert downloader(server, other_server).fetch(f"{server.url}/a.png", headers=TOKEN) == b"pixels"
    assert server.asked[0].authorization == "Token secret"
    assert other_server.asked[0].authorization is None


def test_a_redirect_within_the_server_may_be_relative_and_loses_the_token_too(server: LocalServer) -> None:
    server.routes["/folder/a.png"] = redirect("../b.png")
    server.routes["/b.png"] = Answer(b"pixels")
    assert downloader(server).fetch(f"{server.url}/folder/a.png", headers=TOKEN) == b"pixels"
    assert [asked.authorization for asked in server.asked] == ["Token secret", None]


def test_three_redirects_are_followed_and_a_fourth_is_not(server: LocalServer) -> None:
    for number in range(4):
        server.routes[f"/{number}"] = redirect(f"/{number + 1}")
    server.routes["/4"] = Answer(b"pixels")
    assert downloader(server).fetch(f"{server.url}/1") == b"pixels"
    with pytest.raises(ImageAddressError, match="more than 3 redirects"):
        downloader(server).fetch(f"{server.url}/0")


def test_every_redirect_is_checked_like_the_first_address(
    server: LocalServer, other_server: LocalServer
) -> None:
    server.routes["/a.png"] = redirect(f"{other_server.url}/secret")
    other_server.routes["/secret"] = Answer(b"secret")
    with pytest.raises(ImageAddressError, match="private or reserved"):
        downloader(server).fetch(f"{server.url}/a.png")
    assert other_server.asked == []


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/a", "http://"])
def test_redirects_to_other_schemes_are_refused(server: LocalServer, location: str) -> None:
    server.routes["/a.png"] = redirect(location)
    with pytest.raises(ImageError):
        downloader(server).fetch(f"{server.url}/a.png")


def test_a_redirect_to_nowhere_is_a_missing_image(server: LocalServer) -> None:
    server.routes["/a.png"] = Answer(status=302)
    with pytest.raises(ImageMissingError, match="nowhere"):
        downloader(server).fetch(f"{server.url}/a.png")


@pytest.mark.parametrize(
    ("status", "error", "passing", "tries"),
    [
        (400, ImageMissingError, False, 1),
        (401, ImageRefusedError, False, 1),
        (403, ImageRefusedError, False, 1),
        (404, ImageMissingError, False, 1),
        (410, ImageMissingError, False, 1),
        (408, ImageUnreachableError, True, 3),
        (429, ImageUnreachableError, True, 3),
        (500, ImageUnreachableError, True, 3),
        (503, ImageUnreachableError, True, 3),
    ],
)
def test_what_a_status_means_and_how_often_it_is_tried(
    server: LocalServer, status: int, error: type[ImageError], passing: bool, tries: int
) -> None:
    server.routes["/a.png"] = Answer(b"no", status)
    with pytest.raises(error, match=str(status)) as caught:
        downloader(server).fetch(f"{server.url}/a.png")
    assert caught.value.passing is passing
    assert len(server.asked) == tries


def test_a_busy_server_is_asked_again_until_it_answers(server: LocalServer) -> None:
    answers = iter([Answer(status=503), Answer(status=429), Answer(b"pixels")])
    server.routes["/a.png"] = lambda asked: next(answers)
    assert downloader(server).fetch(f"{server.url}/a.png") == b"pixels"


@pytest.mark.parametrize(
    ("header", "waited"),
    [("2", 2.0), ("3600", 5.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("soon", 0.25), (None, 0.25)],
)
def test_between_tries_it_waits_as_the_server_asks_but_not_for_ever(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, header: str | None, waited: float
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    answers = iter([Answer(status=429, headers={"Retry-After": header} if header else {}), Answer(b"pixels")])
    server.routes["/a.png"] = lambda asked: next(answers)
    assert downloader(server, waits=(0.25,)).fetch(f"{server.url}/a.png") == b"pixels"
    assert waits == [waited]


def test_the_byte_cap_holds_whatever_length_is_declared(server: LocalServer) -> None:
    server.routes["/exact"] = Answer(b"x" * 10_000)
    server.routes["/declared"] = Answer(b"x" * 10_001)
    assert len(downloader(server).fetch(f"{server.url}/exact")) == 10_000
    with pytest.raises(ImageContentError, match=r"10,000 bytes \(ZEGCLIP_MAX_IMAGE_BYTES\)"):
        downloader(server).fetch(f"{server.url}/declared")


def test_an_endless_file_is_broken_off_at_the_cap(server: LocalServer) -> None:
    server.routes["/endless"] = Answer(chunks=lambda: itertools.repeat(b"x" * 1000))
    with pytest.raises(ImageContentError, match="10,000 bytes"):
        downloader(server).fetch(f"{server.url}/endless")
    assert server.broken_off.wait(60)


def test_a_small_file_that_unpacks_to_a_large_one_is_broken_off_at_the_cap(server: LocalServer) -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    server.routes["/bomb"] = Answer(bomb, headers={"Content-Encoding": "gzip"})
    with pytest.raises(ImageContentError, match="100,000 bytes"):
        downloader(server, max_bytes=100_000).fetch(f"{server.url}/bomb")


def test_a_file_that_comes_packed_is_unpacked(server: LocalServer) -> None:
    server.routes["/packed"] = Answer(gzip.compress(b"pixels"), headers={"Content-Encoding": "gzip"})
    assert downloader(server).fetch(f"{server.url}/packed") == b"pixels"


def test_a_file_that_ends_early_is_a_passing_failure(server: LocalServer) -> None:
    server.routes["/short"] = Answer(b"pix", headers={"Content-Length": "6"})
    with pytest.raises(ImageUnreachableError, match="broke off"):
        downloader(server).fetch(f"{server.url}/short")
    assert len(server.asked) == 3


def test_a_server_that_trickles_is_given_up(server: LocalServer) -> None:
    def trickle() -> Iterator[bytes]:
        while not server.broken_off.wait(0.02):
            yield b"x"

    server.routes["/slow"] = Answer(chunks=trickle)
    with pytest.raises(ImageUnreachableError, match="took longer"):
        downloader(server, max_seconds=0.2).fetch(f"{server.url}/slow")
    assert len(server.asked) == 1


def test_a_server_that_is_away_is_a_passing_failure() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    guard = AddressGuard(allowed_hosts=["127.0.0.1"])
    with pytest.raises(ImageUnreachableError, match=r"127\.0\.0\.1 does not answer"):
        HttpDownloader(guard=guard, max_bytes=100, waits=()).fetch(f"http://127.0.0.1:{port}/a.png")


def test_a_certificate_is_asked_for_the_hosts_name(server: LocalServer) -> None:
    # The server speaks no TLS: the handshake must fail rather than fall back to plain text.
    guard = AddressGuard(allowed_hosts=["127.0.0.1"])
    with pytest.raises(ImageUnreachableError, match="SSLError"):
        HttpDownloader(guard=guard, max_bytes=100, waits=()).fetch(f"https://127.0.0.1:{server.port}/a.png")


def test_signs_in_an_address_cannot_smuggle_a_header(server: LocalServer) -> None:
    server.routes["/a.png"] = Answer(b"pixels")
    downloader(server).fetch(f"{server.url}/a.png?x=%0d%0aX-Evil:1")
    assert "x-evil" not in server.asked[0].headers


def test_words_with_other_letters_are_sent_encoded(server: LocalServer) -> None:
    asked: list[Asked] = []
    server.routes["/K%C3%A4tzchen%20eins.png"] = lambda request: asked.append(request) or Answer(b"pixels")
    assert downloader(server).fetch(f"{server.url}/Kätzchen eins.png") == b"pixels"
