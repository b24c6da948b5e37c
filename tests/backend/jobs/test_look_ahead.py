from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rq.job import Job

from backend.images.source import ImageSource
from backend.jobs.look_ahead import look_ahead
from backend.label_studio.origin import LabelStudioOrigin
from backend.queueing.connection import open_queue
from backend.queueing.enqueue import enqueue_predict
from backend.queueing.names import INFERENCE
from tests.backend.label_studio.configs import brush, view
from tests.http_server import Answer, LocalServer
from tests.processes import Installation, MakeInstallation

CONFIG = view(brush("cat"))
PATIENCE = 60.0


@pytest.fixture
def label_studio() -> Iterator[LocalServer]:
    with LocalServer() as server:
        server.routes["/data/next.jpg"] = Answer(b"bytes of the next image")
        server.routes["/data/second.jpg"] = Answer(b"bytes of the second image")
        yield server


@pytest.fixture
def images(label_studio: LocalServer, tmp_path: Path) -> ImageSource:
    return ImageSource(
        label_studio=LabelStudioOrigin(url=label_studio.url, api_key=None),
        cache_dir=tmp_path / "cache",
        cache_bytes=1_000_000,
        max_bytes=100_000,
        max_pixels=1000,
    )


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    """A queue server without a worker: what is queued stays queued."""
    return new_installation()


def enqueue(own: Installation, *addresses: str, config: str = CONFIG) -> Job:
    tasks = [{"id": number, "data": {"image": address}} for number, address in enumerate(addresses)]
    payload: dict[str, Any] = {"tasks": tasks, "label_config": config, "project": "3"}
    return enqueue_predict(payload, queue=INFERENCE, connection=own.connection)


def running(own: Installation) -> Job:
    """A job as a worker has it: taken from the queue."""
    job = enqueue(own, "/data/this.jpg")
    open_queue(job.origin, own.connection).remove(job)
    return job


def test_the_next_jobs_images_are_at_hand_when_it_begins(
    own: Installation, images: ImageSource, label_studio: LocalServer
) -> None:
    job = running(own)
    enqueue(own, "/data/next.jpg", "/data/second.jpg")
    enqueue(own, "/data/of the job after it.jpg")
    look_ahead(job, images).join(PATIENCE)
    assert [asked.target for asked in label_studio.asked] == ["/data/next.jpg", "/data/second.jpg"]
    assert images.fetch("/data/next.jpg", project="3") == b"bytes of the next image"
    assert len(label_studio.asked) == 2


def test_of_a_long_job_only_its_first_images_are_fetched(
    own: Installation, images: ImageSource, label_studio: LocalServer
) -> None:
    job = running(own)
    enqueue(own, *[f"/data/{number}.jpg" for number in range(40)])
    label_studio.routes |= {f"/data/{number}.jpg": Answer(b"an image") for number in range(40)}
    look_ahead(job, images).join(PATIENCE)
    assert [asked.target for asked in label_studio.asked] == [f"/data/{number}.jpg" for number in range(32)]


def test_nothing_is_fetched_when_no_job_waits(
    own: Installation, images: ImageSource, label_studio: LocalServer
) -> None:
    look_ahead(running(own), images).join(PATIENCE)
    assert label_studio.asked == []


@pytest.mark.parametrize("trouble", ["the image is missing", "nothing to paint", "the queue is away"])
def test_trouble_is_left_to_the_job_that_meets_it(
    own: Installation, images: ImageSource, trouble: str, recwarn: pytest.WarningsRecorder
) -> None:
    job = running(own)
    address = "/data/missing.jpg" if trouble == "the image is missing" else "/data/next.jpg"
    enqueue(own, address, config="<View" if trouble == "nothing to paint" else CONFIG)
    if trouble == "the queue is away":
        own.kill_queue_server()
    thread = look_ahead(job, images)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert len(recwarn) == 0
