"""/metrics for Prometheus: requests, queues, workers, events."""

import time
from collections.abc import Iterator

from flask import Blueprint, Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from backend.errors import QueueUnavailableError
from backend.queueing.names import ALL_QUEUES
from backend.web.queue_state import queue_counts, workers
from backend.web.services import Services, services

Family = GaugeMetricFamily | CounterMetricFamily
_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 3, 10, 30, 100)
_KEY = "zegclip.metrics"


class ProductCollector(Collector):
    """Asks queue server and event log at every scrape.

    Args:
        own: the web process's services.

    """

    def __init__(self, own: Services) -> None:
        self._own = own

    def collect(self) -> Iterator[Family]:
        """Yield the figures of this moment; those of the queue server are left out while it is away."""
        held = self._own.admission.held
        yield GaugeMetricFamily("zegclip_waiting_requests", "Predict requests held now", value=held)
        events = CounterMetricFamily("zegclip_events", "Events recorded", labels=["action"])
        for action, count in self._own.events.counts().items():
            events.add_metric([action], count)
        yield events
        queue_up = GaugeMetricFamily("zegclip_queue_up", "Whether the queue server answers")
        try:
            yield from self._queue()
        except QueueUnavailableError:
            queue_up.add_metric([], 0)
        else:
            queue_up.add_metric([], 1)
        yield queue_up

    def _queue(self) -> Iterator[Family]:
        jobs = GaugeMetricFamily("zegclip_jobs", "Jobs by queue and state", labels=["queue", "state"])
        alive = GaugeMetricFamily("zegclip_workers", "Workers that serve a queue", labels=["queue"])
        found = workers(self._own.connection)
        for name in ALL_QUEUES:
            alive.add_metric([name], sum(name in worker["queues"] for worker in found))
            for state, count in queue_counts(name, self._own.connection).items():
                jobs.add_metric([name, state], count)
        yield from (jobs, alive)


metrics_page = Blueprint("metrics", __name__)


@metrics_page.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Return every figure in Prometheus's text format."""
    return Response(generate_latest(current_app.extensions[_KEY]), content_type=CONTENT_TYPE_LATEST)


def install_metrics(app: Flask) -> None:
    """Measure every request of an app from now on."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    with app.app_context():
        registry.register(ProductCollector(services()))
    seconds = Histogram(
        "zegclip_request_seconds",
        "Time to answer",
        ["endpoint", "status"],
        buckets=_BUCKETS,
        registry=registry,
    )
    app.extensions[_KEY] = registry

    @app.before_request
    def begin() -> None:
        g.began = time.perf_counter()

    @app.after_request
    def end(reply: Response) -> Response:
        began = getattr(g, "began", None)
        if began is not None:
            # The route's name, never its path: paths are endless and may hold a secret.
            seconds.labels(request.endpoint or "none", str(reply.status_code)).observe(
                time.perf_counter() - began
            )
        return reply
