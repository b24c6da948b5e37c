"""Objects of an object store, against an S3-compatible server."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from tests.faults.tcp_switch import TcpSwitch
from tests.s3 import S3Server
from training.storage.bucket import Bucket
from training.storage.errors import (
    ChangedObjectError,
    DamagedObjectError,
    MissingObjectError,
    StorageAddressError,
    StorageAwayError,
)


@pytest.fixture
def bucket(s3: S3Server) -> Bucket:
    return Bucket(s3.make_bucket())


def test_what_was_written_is_read_and_listed(bucket: Bucket) -> None:
    bucket.write("a/one", b"1")
    bucket.write("a/b/two", b"2")
    bucket.write("c/three", b"3")
    assert bucket.read("a/one") == b"1"
    assert bucket.read_many(["a/one", "a/b/two", "nothing"]) == {"a/one": b"1", "a/b/two": b"2"}
    assert list(bucket.names("a")) == ["a/b/two", "a/one"]
    assert bucket.folders() == ["a", "c"]
    assert bucket.below("a").read("b/two") == b"2"


def test_an_empty_store_has_nothing(bucket: Bucket) -> None:
    assert (bucket.names(), bucket.folders(), bucket.revision("x")) == ({}, [], None)
    with pytest.raises(MissingObjectError, match="has no x"):
        bucket.read("x")
    bucket.delete(["x"])


def test_an_object_is_created_once(bucket: Bucket) -> None:
    def create(number: int) -> bool:
        try:
            bucket.create("taken", str(number).encode())
        except ChangedObjectError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(create, range(12))) == 1


def test_an_object_that_changed_meanwhile_is_not_replaced(bucket: Bucket) -> None:
    bucket.replace("state", b"1", expected=None)
    seen = bucket.revision("state")
    bucket.replace("state", b"2", expected=seen)
    for expected in (seen, None):
        with pytest.raises(ChangedObjectError):
            bucket.replace("state", b"3", expected=expected)
    assert bucket.read("state") == b"2"


def test_an_object_takes_another_name(bucket: Bucket) -> None:
    bucket.write("here", b"1")
    bucket.move("here", "there")
    assert list(bucket.names()) == ["there"]


def test_only_a_download_that_is_right_appears(bucket: Bucket, tmp_path: Path) -> None:
    bucket.write("weights", b"weights")
    target = tmp_path / "deep" / "weights"
    with pytest.raises(DamagedObjectError, match="weights has SHA-256"):
        bucket.download("weights", target, sha256=hashlib.sha256(b"others").hexdigest())
    with pytest.raises(MissingObjectError):
        bucket.download("nothing", target, sha256="")
    assert list(target.parent.iterdir()) == []
    bucket.download("weights", target, sha256=hashlib.sha256(b"weights").hexdigest())
    assert target.read_bytes() == b"weights"


def test_a_store_that_is_away_is_told_and_comes_back(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    door = TcpSwitch(target=s3.port)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{door.port}")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    bucket = Bucket(s3.make_bucket())
    bucket.write("one", b"1")
    door.shut()
    with pytest.raises(StorageAwayError, match="does not answer"):
        bucket.read("one")
    assert bucket.below("folder").recently_away
    door.open()
    assert bucket.read("one") == b"1"
    assert not bucket.recently_away
    door.shut()


def test_a_bucket_that_is_not_there_has_no_objects(s3: S3Server) -> None:
    with pytest.raises(MissingObjectError):
        Bucket("s3://nobody-made-this-bucket/x").read("one")


def test_an_address_of_an_unknown_kind_names_the_cure() -> None:
    with pytest.raises(StorageAddressError, match=r"zegclip-label-studio\[cloud\]"):
        Bucket("nosuchkind://x").read("one")
