"""The workers of learning: one job at a time, each in a child process; the parent never imports torch.

Reading corrections is quick, training is not: each has a worker of its own, so that no project's corrections
wait behind another one's training.
"""

import importlib

from rq import Worker

from backend.jobs.installed_settings import install_settings
from backend.queueing.connection import SERIALIZER, connect_worker, open_queue
from backend.queueing.names import RESULT_LIFETIME
from backend.settings import Settings
from backend.worker.names import (
    MAINTENANCE_INTERVAL,
    MONITORING_INTERVAL,
    WORKER_LIFETIME,
    worker_name,
)


def run_learning_worker(settings: Settings, queue: str, *, redis_url: str, burst: bool = False) -> None:
    """Work on a queue of learning until SIGTERM or SIGINT (the running job is finished first).

    A training is asked to save itself and to go on in the next worker.

    Args:
        settings: everything the operator chose.
        queue: `ingest` or `training`.
        redis_url: the queue server.
        burst: end when the queue is empty.

    """
    install_settings(settings)
    # Imported before the forks, each child has it at once; none of it imports torch.
    importlib.import_module("backend.jobs.ingest")
    worker = Worker(
        [open_queue(queue, connect_worker(redis_url))],
        name=worker_name(queue),
        connection=connect_worker(redis_url),
        serializer=SERIALIZER,
        default_result_ttl=RESULT_LIFETIME,
        job_monitoring_interval=MONITORING_INTERVAL,
        maintenance_interval=MAINTENANCE_INTERVAL,
        default_worker_ttl=WORKER_LIFETIME,
        log_job_description=False,
    )
    worker.work(burst=burst, logging_level="WARNING", with_scheduler=True)
