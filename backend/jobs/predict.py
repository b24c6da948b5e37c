"""The prediction job: light JSON in, predictions in Label Studio's form out."""

import functools
import logging
from collections.abc import Mapping
from typing import Any

from rq import get_current_job

from backend.images.credentials import read_credentials
from backend.jobs.deaths import Deaths
from backend.jobs.look_ahead import look_ahead
from backend.jobs.predictor import installed_predictor
from backend.predictions import predict_tasks
from backend.queueing.giving_way import GaveWay, InterruptedBatch

_log = logging.getLogger(__name__)


def run_predict(payload: Mapping[str, Any]) -> dict[str, Any] | GaveWay:
    """Predict the tasks of a payload made by `backend.predict_requests.job_payloads`.

    Returns `{"results": [one item for each task, in order]}`. A task that fails does not fail the job.
    A batch stops between two tasks when people wait, and goes on after them: then it returns `GaveWay`.
    """
    tasks = payload["tasks"]
    project = str(payload.get("project") or "")
    predictor = installed_predictor().for_project(payload.get("project_key"))
    images = predictor.images.with_credentials(read_credentials(payload.get("credentials")))
    paint = functools.partial(
        predict_tasks,
        label_config=payload["label_config"],
        segmenter=predictor.segmenter,
        images=images,
        model_version=predictor.model_version,
        context=payload.get("context"),
        extra_params=payload.get("extra_params"),
        project=project,
        features=predictor.features,
    )
    job = get_current_job()
    if job is None or payload.get("context") is not None:
        return {"results": paint(tasks)}
    look_ahead(job, predictor.images)
    batch = InterruptedBatch(job)
    before = len(batch.done)
    deaths = Deaths(job)
    if predictor.paints_together and len(tasks) - before > 1 and not deaths.any:
        deaths.begin_all()
        painted = paint(tasks[before:], together=True)
    else:
        painted = paint(
            tasks[before:], begin=lambda place: deaths.begin(before + place), stop=batch.people_wait
        )
    deaths.end()
    if before + len(painted) < len(tasks):
        return batch.give_way(painted)
    batch.end()
    results = [*batch.done, *painted]
    if predictor.pictures is not None:
        predictor.pictures.keep_one(tasks, results, payload["label_config"], images=images, project=project)
    failed = sum("error" in result for result in results)
    _log.info("project %s: %d tasks, %d failed", payload.get("project"), len(results), failed)
    return {"results": results}
