"""The inference worker: loads the model once, serves the interactive queue before batches, never forks."""

import logging
import sys

from backend.features import open_features
from backend.images.from_settings import open_images
from backend.jobs.picture import Pictures
from backend.jobs.predictor import Predictor, install_predictor
from backend.learning.champions import open_champions
from backend.queueing.connection import SERIALIZER, connect_worker
from backend.queueing.names import INFERENCE_QUEUES, RESULT_LIFETIME
from backend.recent_predictions import recent_predictions
from backend.settings import Settings
from backend.worker.names import (
    MAINTENANCE_INTERVAL,
    MONITORING_INTERVAL,
    WORKER_LIFETIME,
    worker_name,
)
from backend.worker.predict_worker import PredictWorker
from backend.worker.takeover import take_over_jobs_of_dead_neighbours
from zegclip_core.processor import prepare_processor
from zegclip_core.segmenter import build_segmenter

_log = logging.getLogger(__name__)
# Python's own 5 ms let the model wait between two of its steps for a thread that fetches the next image, each
# time a piece of it arrives.
_SWITCH_SECONDS = 0.0001


def run_inference_worker(settings: Settings, *, redis_url: str, burst: bool = False) -> None:
    """Load the model, then work until SIGTERM or SIGINT (the running job is finished first).

    Args:
        settings: everything the operator chose.
        redis_url: the queue server.
        burst: end when the queues are empty.

    Raises `ModelError` when the model cannot be loaded.

    """
    install_predictor(load_predictor(settings))
    connection = connect_worker(redis_url)
    take_over_jobs_of_dead_neighbours(connection)
    # Forking after torch has run hangs the child, so jobs run in this process.
    worker = PredictWorker(
        list(INFERENCE_QUEUES),
        name=worker_name("inference"),
        connection=connection,
        serializer=SERIALIZER,
        default_result_ttl=RESULT_LIFETIME,
        job_monitoring_interval=MONITORING_INTERVAL,
        maintenance_interval=MAINTENANCE_INTERVAL,
        default_worker_ttl=WORKER_LIFETIME,
        log_job_description=False,
    )
    worker.work(burst=burst, logging_level="WARNING")


def load_predictor(settings: Settings) -> Predictor:
    """Load the model and open the way to images, as the settings say."""
    prepare_processor(threads=settings.threads)
    sys.setswitchinterval(_SWITCH_SECONDS)
    segmenter = build_segmenter(
        settings.model,
        cache_dir=settings.data_dir / "models",
        device=settings.device,
        engine=settings.engine,
        show_progress=True,
    )
    _log.info("model %s is loaded", segmenter.model_version)
    return Predictor(
        segmenter=segmenter,
        images=open_images(settings),
        model_version=segmenter.model_version,
        champions=open_champions(segmenter, settings),
        features=open_features(settings),
        pictures=Pictures(kept=recent_predictions(settings.data_dir)),
    )
