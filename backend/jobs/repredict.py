"""The job that paints a project's unannotated tasks again with the version that serves now."""

import logging
from collections.abc import Mapping
from typing import Any

from rq import get_current_job

from backend.jobs.installed_settings import installed_settings
from backend.jobs.learning_parts import extra_params_of, open_folder
from backend.jobs.running_job import RunningJob
from backend.label_studio.from_settings import open_client
from backend.label_studio.unannotated import unannotated_tasks
from backend.learning.label_stream import follow_new_version
from backend.learning.learning_storage import open_learning
from backend.learning.prune_predictions import prune_predictions
from backend.learning.served_version import served_version
from backend.prelabel import Prelabeller
from backend.queueing.learning_jobs import enqueue_later
from backend.queueing.workers import require_inference_workers
from zegclip_core.backbones.notation import model_version, parse_notation

_log = logging.getLogger(__name__)
# Tasks painted before other jobs of learning get their turn.
_AT_ONCE = 200


def run_repredict(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Paint tasks without annotation that have no prediction of the version in service, least certain first.

    Returns what was done. A long project goes on in a job of its own, behind whatever else waits.
    """
    settings = installed_settings()
    folder = open_folder(str(payload["key"]), settings)
    job = get_current_job()
    if job is None:
        raise RuntimeError("run_repredict runs in a worker only")
    client = open_client(settings)
    base = model_version(parse_notation(settings.model))
    version = served_version(open_learning(settings), folder.key, base=base)
    waiting = [
        one.task for one in unannotated_tasks(client, folder.number) if version not in one.task.model_versions
    ]
    progress = RunningJob()
    painter = Prelabeller(
        client=client,
        connection=job.connection,
        project=folder.number,
        project_key=folder.key,
        model_version=version,
        batch_size=settings.batch_size,
        workers=require_inference_workers(job.connection),
        extra_params=extra_params_of(folder, settings, payload),
    )
    done = 0

    def painted(tasks: int) -> None:
        nonlocal done
        done += tasks
        progress.tell({"stage": "painting tasks again", "done": done, "total": len(waiting)})

    report = painter.run(tasks=waiting[:_AT_ONCE], progress=painted)
    left = len(waiting) - min(len(waiting), _AT_ONCE)
    if left:
        enqueue_later("repredict", payload, seconds=0, connection=job.connection)
    else:
        ours = {base, *(folder.version_name(number) for number in folder.registry.given_numbers())}
        follow_new_version(client, folder.number, version=version, ours=ours)
        keep = settings.keep_prediction_versions
        if keep:
            prune_predictions(client, folder, served=version, base=base, keep=keep)
    _log.info("project %s: %d tasks painted with %s, %d left", folder.key, report.done, version, left)
    return {"version": version, "painted": report.done, "failed": len(report.failures), "left": left}
