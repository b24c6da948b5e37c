"""RQ's worker without forks, one that keeps telling that it lives while a job runs."""

import contextlib
import logging
import threading
from collections.abc import Iterator

import redis
from rq import Queue, SimpleWorker
from rq.executions import Execution
from rq.job import Job
from rq.worker import WorkerStatus

from backend.queueing.batch_queues import TurnsQueue, batch_queues, forget_ended_queues
from backend.worker.names import EXECUTION_LIFETIME

_log = logging.getLogger(__name__)


class PredictWorker(SimpleWorker):  # type: ignore[misc]
    """Runs jobs in its own process, where the model lies.

    RQ's `SimpleWorker` is silent while it works, so it claims a job for the job's whole time limit: after a
    crash nobody would touch that job for minutes. This one claims it for seconds, again and again.

    Its first queue is served before all others. Besides the queues that it is given it serves those of
    projects' batches, in turns.
    """

    queue_class = TurnsQueue

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job in this process."""
        execution = self.prepare_execution(job)
        with self._heartbeats(job, execution):
            self.perform_job(job, queue, execution)
        self.set_state(WorkerStatus.IDLE)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """Return for how many seconds the job is claimed by one heartbeat."""
        return EXECUTION_LIFETIME

    def clean_registries(self) -> None:
        """Look after the jobs of every queue that exists now, also after those of dead workers."""
        known = {queue.name for queue in self.queues}
        self.queues += [queue for queue in batch_queues(self.connection) if queue.name not in known]
        super().clean_registries()
        forget_ended_queues(self.connection)

    @contextlib.contextmanager
    def _heartbeats(self, job: Job, execution: Execution) -> Iterator[None]:
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(self.job_monitoring_interval):
                try:
                    self.maintain_heartbeats(job, execution)
                except redis.RedisError as error:
                    _log.warning("no heartbeat for job %s: %s", job.id, type(error).__name__)

        heart = threading.Thread(target=beat, name="heartbeat", daemon=True)
        heart.start()
        try:
            yield
        finally:
            ended.set()
            heart.join()
