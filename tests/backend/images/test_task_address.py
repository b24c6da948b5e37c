import base64
from urllib.parse import parse_qs, urlsplit

import pytest

from backend.images.errors import ImageAddressError, ImageContentError
from backend.images.task_address import decode_inline, presign_path, read_task_address


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("/data/upload/2/5a0c25d0-test1.jpg", "label_studio"),
        ("/storage-data/uploaded/?filepath=upload/2/a.jpg", "label_studio"),
        ("/data/local-files/?d=photos/a.jpg", "local_file"),
        ("s3://bucket/a.jpg", "cloud"),
        ("gs://bucket/a.jpg", "cloud"),
        ("azure-blob://container/a.jpg", "cloud"),
        ("http://host/a.jpg", "web"),
        ("https://host/a.jpg", "web"),
        ("  https://host/a.jpg\n", "web"),
        ("data:image/png;base64,AAAA", "inline"),
    ],
)
def test_kinds(text: str, kind: str) -> None:
    assert read_task_address(text).kind == kind


@pytest.mark.parametrize(
    "value",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "../a.jpg",
        "a.jpg",
        "C:\\photos\\a.jpg",
        "//host/data/upload/1/a.jpg",
        "ftp://host/a.jpg",
        "/data/../etc/passwd",
        "/data/upload/../../admin",
        "/tasks/7/annotations/",
        "/tasks/7/resolve/",
        "/tasks/7/resolve/?fileuri=!",
        "/tasks/7/resolve/?fileuri=aHR0cDovL2hvc3Qv",
        "/data/local-files/",
        "/data/local-files/?d=",
        "http://[",
        "",
        "   ",
        None,
        7,
        ["https://host/a.jpg"],
        {"url": "https://host/a.jpg"},
    ],
)
def test_what_no_server_gives_is_refused(value: object) -> None:
    with pytest.raises(ImageAddressError):
        read_task_address(value)


@pytest.mark.parametrize("route", ["resolve", "presign"])
def test_a_cloud_file_that_label_studio_has_wrapped_is_the_file_itself(route: str) -> None:
    plain = read_task_address("s3://bucket/a.png")
    wrapped = read_task_address(f"/tasks/7/{route}/?fileuri=czM6Ly9idWNrZXQvYS5wbmc=")
    assert (wrapped.kind, wrapped.text, wrapped.task_id) == ("cloud", "s3://bucket/a.png", "7")
    assert wrapped.cache_key == plain.cache_key
    assert wrapped.shown == plain.shown


def test_the_path_of_a_local_file_is_decoded_once() -> None:
    assert read_task_address("/data/local-files/?d=a%20b/c%2525.jpg").local_path == "a b/c%25.jpg"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:word@host/a.jpg?X-Amz-Signature=secret#part", "https://host/a.jpg"),
        ("/data/local-files/?d=photos/a.jpg", "/data/local-files/?d=photos/a.jpg"),
        ("s3://bucket/a.jpg", "s3://bucket/a.jpg"),
        ("data:image/png;base64,AAAA", "data:image/png;base64,…"),
    ],
)
def test_what_may_be_logged(text: str, shown: str) -> None:
    assert read_task_address(text).shown == shown


def key(text: str) -> str:
    return read_task_address(text).cache_key


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a&X-Amz-Date=1&X-Amz-Expires=9&X-Amz-Signature=b",
        "X-Goog-Algorithm=GOOG4&X-Goog-Credential=a&X-Goog-Date=1&X-Goog-Signature=b",
        "AWSAccessKeyId=a&Signature=b&Expires=1",
        "GoogleAccessId=a&Signature=b&Expires=1",
        "Policy=a&Signature=b&Key-Pair-Id=c",
        "sv=2022&st=1&se=2&sr=b&sp=r&sig=c",
    ],
)
def test_what_presigning_adds_does_not_change_the_key(query: str) -> None:
    plain = key("https://host/a.jpg?versionId=3")
    assert key(f"https://host/a.jpg?{query}&versionId=3") == plain
    assert key(f"https://host/a.jpg?versionId=3&{query.replace('=a', '=other')}") == plain
    assert key(f"https://host/a.jpg?{query}") != plain


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://host/a.jpg", "https://host/b.jpg"),
        ("https://host/a.jpg", "http://host/a.jpg"),
        ("https://host/a.jpg", "https://host:8443/a.jpg"),
        ("https://host/show?id=1", "https://host/show?id=2"),
        ("https://host/show?sp=1", "https://host/show?sp=2"),
        ("https://host/show?expires=1", "https://host/show?expires=2"),
        ("https://host/show?id=", "https://host/show"),
        ("s3://bucket/a.jpg", "s3://bucket/b.jpg"),
        ("s3://bucket/a#1.jpg", "s3://bucket/a#2.jpg"),
        ("s3://bucket/a?sig=1.jpg", "s3://bucket/a?sig=2.jpg"),
    ],
)
def test_different_images_have_different_keys(one: str, other: str) -> None:
    assert key(one) != key(other)


def test_the_order_of_a_query_does_not_matter() -> None:
    assert key("https://host/a?x=1&y=2") == key("https://host/a?y=2&x=1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"data:image/png;base64,{base64.b64encode(b'pixels').decode()}", b"pixels"),
        (f"data:image/png;base64,{base64.b64encode(b'~~~???').decode().replace('/', '%2F')}", b"~~~???"),
        ("data:;BASE64,cGl4ZWxz", b"pixels"),
        ("data:text/plain,a%20b", b"a b"),
        ("data:,", b""),
    ],
)
def test_inline_data(text: str, expected: bytes) -> None:
    assert decode_inline(text, max_bytes=100) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data:image/png;base64", "no comma"),
        ("data:image/png;base64,%%%", "not base64"),
        ("data:image/png;base64,AAAAA", "not base64"),
        ("data:image/png;base64," + "A" * 1000, "100 bytes"),
        ("data:text/plain," + "a" * 1000, "100 bytes"),
    ],
)
def test_broken_and_large_inline_data(text: str, message: str) -> None:
    with pytest.raises(ImageContentError, match=message):
        decode_inline(text, max_bytes=100)


def test_inline_data_of_exactly_the_cap_is_taken() -> None:
    text = f"data:;base64,{base64.b64encode(b'x' * 100).decode()}"
    assert len(decode_inline(text, max_bytes=100)) == 100


def test_label_studio_signs_a_cloud_file_by_its_task() -> None:
    parts = urlsplit(presign_path(read_task_address("s3://bucket/ä?#.jpg"), 7))
    assert parts.path == "/tasks/7/presign/"
    assert base64.urlsafe_b64decode(parse_qs(parts.query)["fileuri"][0]).decode() == "s3://bucket/ä?#.jpg"
