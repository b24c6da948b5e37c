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

_log = logging.getLogger(__name__)


def run_predict(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Predict the tasks of a payload made by `backend.predict_requests.job_payloads`.

    Returns `{"results": [one item for each task, in order]}`. A task that fails does not fail the job.
    """
    project = str(payload.get("project") or "")
    predictor = installed_predictor().for_project(payload.get("project_key"))
    images = predictor.images.with_credentials(read_credentials(payload.get("credentials")))
    paint = functools.partial(
        predict_tasks,
        payload["tasks"],
        payload["label_config"],
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
        return {"results": paint()}
    look_ahead(job, predictor.images)
    deaths = Deaths(job)
    if predictor.paints_together and len(payload["tasks"]) > 1 and not deaths.any:
        deaths.begin_all()
        results = paint(together=True)
    else:
        results = paint(begin=deaths.begin)
    deaths.end()
    if predictor.pictures is not None:
        predictor.pictures.keep_one(
            payload["tasks"], results, payload["label_config"], images=images, project=project
        )
    failed = sum("error" in result for result in results)
    _log.info("project %s: %d tasks, %d failed", payload.get("project"), len(results), failed)
    return {"results": results}
