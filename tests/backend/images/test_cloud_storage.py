"""Images in S3, attached as cloud storage to a real Label Studio; the S3 is moto's server on this machine."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest

from backend.demo.label_studio_server import LabelStudioServer
from backend.images.errors import ImageAddressError, ImageError, ImageMissingError
from backend.images.source import ImageSource
from backend.images.task_address import read_task_address
from backend.label_studio.client import LabelStudioClient
from tests.label_studio import MakeProject
from tests.processes import wait_until
from tests.s3 import KEY, S3Server

NAMES = ("a.png", "folder/ä b#1.png")
MakeSource = Callable[..., ImageSource]
MakeStorage = Callable[..., "Storage"]


@dataclass(frozen=True)
class Storage:
    """A bucket with pictures and the tasks of the project that has it as its storage.

    Attributes:
        uris: the address of each picture by the number of its task.
        shown: the address that Label Studio's API gives instead.

    """

    bucket: str
    uris: dict[int, str]
    shown: dict[int, str]


@pytest.fixture
def make_storage(
    s3_server: S3Server, client: LabelStudioClient, make_project: MakeProject, png: bytes
) -> MakeStorage:
    """Put pictures into a new bucket, attach it to a new project and import its tasks."""

    def make(*, presign: bool) -> Storage:
        bucket = f"photos-{uuid.uuid4().hex[:8]}"
        s3 = boto3.client("s3", endpoint_url=s3_server.url, **KEY)
        s3.create_bucket(Bucket=bucket)
        for name in NAMES:
            s3.put_object(Bucket=bucket, Key=name, Body=png)
        project = make_project(photos=[])
        storage = client.call(
            "POST",
            "/api/storages/s3",
            body={
                "project": project,
                "bucket": bucket,
                "s3_endpoint": s3_server.url,
                "use_blob_urls": True,
                "presign": presign,
                "recursive_scan": True,
                **KEY,
            },
        )
        client.call("POST", f"/api/storages/s3/{storage['id']}/sync")
        shown = {task.id: task.data["image"] for page in client.iter_tasks(project) for task in page}
        uris = {number: read_task_address(address).text for number, address in shown.items()}
        return Storage(bucket, uris, shown)

    return make


@pytest.fixture
def make_source(label_studio: LabelStudioServer, tmp_path: Path) -> MakeSource:
    """An image source for the real Label Studio."""

    def make(*, allowed: tuple[str, ...] = ("127.0.0.1",)) -> ImageSource:
        return ImageSource(
            label_studio=label_studio.origin(),
            cache_dir=tmp_path / "cache",
            cache_bytes=0,
            max_bytes=1_000_000,
            max_pixels=1_000_000,
            allowed_private_hosts=allowed,
        )

    return make


def fetch(source: ImageSource, address: str, task: int) -> bytes:
    """Fetch as the queue does: a passing failure, such as a busy server's late answer, is tried again."""
    fetched: list[bytes] = []

    def is_settled() -> bool:
        try:
            fetched.append(source.fetch(address, task_id=task))
        except ImageError as error:
            if not error.passing:
                raise
        return bool(fetched)

    wait_until(is_settled, f"{address} is fetched")
    return fetched[0]


@pytest.mark.parametrize("presign", [True, False], ids=["presigned", "through Label Studio"])
def test_every_task_of_the_storage_can_be_painted(
    make_storage: MakeStorage, make_source: MakeSource, png: bytes, presign: bool
) -> None:
    storage = make_storage(presign=presign)
    assert set(storage.uris.values()) == {f"s3://{storage.bucket}/{name}" for name in NAMES}
    for task, uri in storage.uris.items():
        for address in (uri, storage.shown[task]):
            assert fetch(make_source(), address, task) == png


def test_a_storage_on_a_private_address_must_be_allowed_when_it_is_fetched_from_directly(
    make_storage: MakeStorage, make_source: MakeSource
) -> None:
    task, uri = next(iter(make_storage(presign=True).uris.items()))
    with pytest.raises(ImageAddressError, match=r"ZEGCLIP_ALLOWED_PRIVATE_HOSTS=127\.0\.0\.1"):
        fetch(make_source(allowed=()), uri, task)


def test_a_file_that_no_storage_of_the_task_has_is_missing(
    make_storage: MakeStorage, make_source: MakeSource
) -> None:
    storage = make_storage(presign=True)
    task = next(iter(storage.uris))
    for uri in ("s3://another-bucket/a.png", f"s3://{storage.bucket}/gone.png"):
        with pytest.raises(ImageMissingError):
            fetch(make_source(), uri, task)
