import socket

import pytest

from backend.images.address_guard import AddressGuard, is_public, resolve, split_origin
from backend.images.errors import ImageAddressError, ImageUnreachableError

PUBLIC = "93.184.216.34"


def guard_for(*addresses: str, **options: object) -> AddressGuard:
    return AddressGuard(resolver=lambda host, port: list(addresses), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a9fe:a9fe::",
        "2001:db8::1",
    ],
)
def test_addresses_that_are_not_of_the_open_internet(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(ImageAddressError, match="private or reserved"):
        guard_for(address).check("http://photos.example/a.png")


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1::1", "64:ff9b::5db8:d822", "2002:5db8:d822::"])
def test_addresses_of_the_open_internet(address: str) -> None:
    assert is_public(address)
    assert guard_for(address).check("https://photos.example/a.png").addresses == (address,)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(ImageAddressError, match=r"10\.0\.0\.7.*ZEGCLIP_ALLOWED_PRIVATE_HOSTS=photos"):
        guard_for(PUBLIC, "10.0.0.7").check("http://photos.example/")


def test_the_name_is_looked_up_once_and_what_was_found_is_what_counts() -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"]])
    guard = AddressGuard(resolver=lambda host, port: next(answers))
    assert guard.check("http://rebinding.example/").addresses == (PUBLIC,)
    with pytest.raises(ImageAddressError):
        guard.check("http://rebinding.example/")


def test_numbers_that_stand_for_a_loopback_address_are_seen_through() -> None:
    for host in ("2130706433", "0x7f000001", "127.1"):
        with pytest.raises((ImageAddressError, ImageUnreachableError)):
            AddressGuard().check(f"http://{host}/")


def test_hosts_that_the_operator_allows_may_be_private() -> None:
    guard = guard_for("10.0.0.7", allowed_hosts=["NAS.local"])
    target = guard.check("http://nas.LOCAL:8000/a.png")
    assert (target.host, target.port, target.addresses) == ("nas.local", 8000, ("10.0.0.7",))


def test_an_allowed_origin_counts_for_its_port_alone() -> None:
    guard = guard_for("127.0.0.1", allowed_origins=[("localhost", 8080)])
    assert guard.check("http://localhost:8080/data/upload/1/a.png").port == 8080
    with pytest.raises(ImageAddressError):
        guard.check("http://localhost:6379/")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/a",
        "file:///etc/passwd",
        "gopher://host/",
        "javascript:alert(1)",
        "//host/a",
        "http://",
        "http:///a",
        "http://host:99999/",
        "http://[::1/",
        "a.png",
        "",
    ],
)
def test_other_addresses_than_http_are_refused(url: str) -> None:
    with pytest.raises(ImageAddressError):
        guard_for(PUBLIC).check(url)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://Host/a", ("host", 80)),
        ("https://host", ("host", 443)),
        ("http://host:8080/", ("host", 8080)),
        ("http://user:word@host/", ("host", 80)),
        ("http://[::1]:81/", ("::1", 81)),
    ],
)
def test_origins(url: str, origin: tuple[str, int]) -> None:
    assert split_origin(url) == origin


def test_a_name_that_cannot_be_found_is_a_passing_failure() -> None:
    def fail(host: str, port: int) -> list[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(ImageUnreachableError, match=r"'gone\.example' cannot be found"):
        AddressGuard(resolver=fail).check("http://gone.example/")
    with pytest.raises(ImageUnreachableError, match="no address"):
        guard_for().check("http://gone.example/")


def test_the_systems_resolver_knows_this_machine() -> None:
    assert resolve("127.0.0.1", 80) == ["127.0.0.1"]
