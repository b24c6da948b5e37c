"""The images of the job that comes next, fetched while the model is busy with this one's."""

import logging
import threading
from typing import Any

import redis
from rq.exceptions import NoSuchJobError
from rq.job import Job

from backend.errors import BackendError
from backend.images.credentials import read_credentials
from backend.images.source import ImageSource
from backend.predictions import cached_label_config
from backend.queueing.connection import SERIALIZER, open_queue
from backend.task_data import first_addresses

_log = logging.getLogger(__name__)
# Label Studio is slow to give images while it stores predictions. More than these are not kept ready: another
# worker may take that job.
_TASKS = 32


def look_ahead(job: Job, images: ImageSource) -> threading.Thread:
    """Fetch what the next job of the same queue needs into the download cache, in the background.

    With several workers another one may take that job; on another machine it fetches the images itself.

    Args:
        job: the job that runs now.
        images: fetches, and keeps what it fetched.

    Returns the thread, which nobody needs to wait for.
    """
    thread = threading.Thread(target=_fetch_images, args=(job, images), name="look ahead", daemon=True)
    thread.start()
    return thread


def _fetch_images(job: Job, images: ImageSource) -> None:
    try:
        payload = _next_payload(job)
        if payload is None:
            return
        config = cached_label_config(payload["label_config"])
        owned = images.with_credentials(read_credentials(payload.get("credentials")))
        for task in payload["tasks"][:_TASKS]:
            for address in first_addresses(task, config.targets):
                owned.fetch(address, task_id=task.get("id"), project=str(payload.get("project") or ""))
    except (BackendError, redis.RedisError, LookupError, TypeError, AttributeError) as error:
        # The job that needs the image meets the same trouble itself and reports it where it counts.
        _log.debug("nothing fetched for the next job: %s", type(error).__name__)


def _next_payload(job: Job) -> Any:
    ids = open_queue(job.origin, job.connection).get_job_ids(0, 1)
    try:
        return Job.fetch(ids[0], connection=job.connection, serializer=SERIALIZER).args[0] if ids else None
    except NoSuchJobError:
        return None
