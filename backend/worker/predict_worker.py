"""RQ's worker without forks, one that keeps telling that it lives while a job runs."""

import contextlib
import logging
import threading
from collections.abc import Iterator

import redis
from rq import Queue, Retry, SimpleWorker
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.registry import StartedJobRegistry
from rq.worker import WorkerStatus

from backend.queueing.batch_queues import TurnsQueue, batch_queues, forget_ended_queues
from backend.queueing.giving_way import GaveWay
from backend.queueing.names import INTERACTIVE
from backend.worker.names import EXECUTION_LIFETIME

_log = logging.getLogger(__name__)
# Then it is a batch's turn, for one task at least: however many people click, batches go on.
CLICKS_IN_A_ROW = 10


class PredictWorker(SimpleWorker):  # type: ignore[misc]
    """Runs jobs in its own process, where the model lies.

    RQ's `SimpleWorker` is silent while it works, so it claims a job for the job's whole time limit: after a
    crash nobody would touch that job for minutes. This one claims it for seconds, again and again.

    The interactive queue is served before all others, but for one turn in a while. Besides the queues that it
    is given it serves those of projects' batches, in turns.
    """

    queue_class = TurnsQueue
    _clicks_in_a_row = 0

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run a job in this process."""
        execution = self.prepare_execution(job)
        with self._heartbeats(job, execution):
            self.perform_job(job, queue, execution)
        self.set_state(WorkerStatus.IDLE)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """Return for how many seconds the job is claimed by one heartbeat."""
        return EXECUTION_LIFETIME

    def reorder_queues(self, reference_queue: Queue) -> None:
        """Say which queue comes first next time, after a job was taken from one."""
        clicked = reference_queue.name == INTERACTIVE
        self._clicks_in_a_row = self._clicks_in_a_row + 1 if clicked else 0
        clicks_last = self._clicks_in_a_row >= CLICKS_IN_A_ROW
        self._ordered_queues.sort(key=lambda queue: (queue.name == INTERACTIVE) == clicks_last)

    def handle_job_retry(
        self,
        job: Job,
        queue: Queue,
        retry: Retry,
        started_job_registry: StartedJobRegistry,
        execution: Execution,
    ) -> None:
        """Put a job that gave way back to the front of its queue, as one that goes on and has not failed."""
        if not isinstance(retry, GaveWay):
            super().handle_job_retry(job, queue, retry, started_job_registry, execution)
            return
        with self.connection.pipeline() as pipeline:
            if self._is_still_ours(job, execution):
                job.set_status(JobStatus.QUEUED, pipeline=pipeline)
                queue.push_job_id(job.id, pipeline=pipeline, at_front=True)
            self.increment_total_working_time(job.ended_at - job.started_at, pipeline)
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            pipeline.execute()

    def _is_still_ours(self, job: Job, execution: Execution) -> bool:
        """Whether the job was not deleted meanwhile, nor given to another worker after a long silence."""
        with self.connection.pipeline() as pipeline:
            pipeline.hget(job.key, "status")
            pipeline.zscore(job.started_job_registry.key, execution.composite_key)
            status, claimed_until = pipeline.execute()
        return status == JobStatus.STARTED.encode() and claimed_until is not None

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
