"""Files by name: the same promises in a folder and in an object store that two machines share."""

import hashlib
import json
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.s3 import S3Server
from training.storage.bucket import Bucket
from training.storage.files import Files
from training.storage.local_files import LocalFiles
from training.storage.mirrored_files import MirroredFiles

Machine = Callable[[], Files]


@pytest.fixture(params=["folder", "object store"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    """Another machine that has the same files, at each call."""
    if request.param == "folder":
        return lambda: LocalFiles(tmp_path / "files")
    bucket = Bucket(f"memory://{uuid.uuid4().hex}")
    return lambda: MirroredFiles(bucket, tmp_path / uuid.uuid4().hex)


def name_of(content: bytes) -> str:
    return f"objects/{hashlib.sha256(content).hexdigest()}.bin"


def test_what_one_machine_writes_another_reads(machine: Machine) -> None:
    first, second = machine(), machine()
    assert first.read("state.json") is None
    first.write("tasks/1.json", b"1")
    first.write_once(name_of(b"picture"), b"picture")
    assert second.read("tasks/1.json") == b"1"
    assert second.path(name_of(b"picture")).read_bytes() == b"picture"
    assert second.names("objects") == [name_of(b"picture")]
    second.delete("tasks/1.json")
    second.delete("tasks/1.json")
    assert first.read("tasks/1.json") is None


def test_changed_new_and_deleted_files_of_a_folder_are_seen(machine: Machine) -> None:
    writer, reader = machine(), machine()
    assert reader.read_all("tasks") == {}
    for number in range(3):
        writer.write(f"tasks/{number}.json", b"first")
    writer.write("tasks/deeper/4.json", b"not in the folder itself")
    assert list(reader.read_all("tasks")) == ["tasks/0.json", "tasks/1.json", "tasks/2.json"]
    writer.write("tasks/1.json", b"second")
    writer.delete("tasks/2.json")
    assert reader.read_all("tasks") == {"tasks/0.json": b"first", "tasks/1.json": b"second"}
    assert reader.read_all("tasks") == {"tasks/0.json": b"first", "tasks/1.json": b"second"}


def test_no_update_is_lost_when_machines_update_at_once(s3: S3Server, tmp_path: Path) -> None:
    bucket = Bucket(s3.make_bucket())
    in_folder = [LocalFiles(tmp_path / "files")] * 4
    in_bucket = [MirroredFiles(bucket, tmp_path / str(number)) for number in range(4)]
    for machines in (in_folder, in_bucket):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda files: [files.update("count.json", add_one) for _ in range(5)], machines))
        assert machines[0].read("count.json") == b"20"


def add_one(content: bytes | None) -> bytes:
    return json.dumps(json.loads(content or b"0") + 1).encode()


def test_a_damaged_copy_is_fetched_again_and_a_damaged_object_leaves_none(tmp_path: Path) -> None:
    bucket = Bucket(f"memory://{uuid.uuid4().hex}")
    files = MirroredFiles(bucket, tmp_path)
    name = name_of(b"picture")
    files.write_once(name, b"picture")
    files.path(name).write_bytes(b"Picture")
    assert files.path(name).read_bytes() == b"picture"
    files.path(name).unlink()
    bucket.write(name, b"Picture")
    assert not files.path(name).exists()


def test_only_what_changed_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = Bucket(f"memory://{uuid.uuid4().hex}")
    files = MirroredFiles(bucket, tmp_path)
    files.write("tasks/1.json", b"1")
    files.write("tasks/2.json", b"2")
    files.read_all("tasks")
    files.write("tasks/2.json", b"22")
    asked: list[str] = []
    read_many = Bucket.read_many

    def watch(self: Bucket, names: list[str]) -> dict[str, bytes]:
        asked.extend(wanted := list(names))
        return read_many(self, wanted)

    monkeypatch.setattr(Bucket, "read_many", watch)
    assert files.read_all("tasks") == {"tasks/1.json": b"1", "tasks/2.json": b"22"}
    assert asked == ["tasks/2.json"]
