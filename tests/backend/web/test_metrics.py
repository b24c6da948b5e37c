from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from backend.queueing.connection import open_queue
from tests.backend.queueing.jobs import ECHO
from tests.backend.web.bodies import webhook_body
from tests.backend.web.conftest import MakeApp
from tests.processes import MakeInstallation


def samples(client: FlaskClient) -> dict[tuple[str, ...], float]:
    text = client.get("/metrics").get_data(as_text=True)
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_queues_workers_and_events_are_counted(new_installation: MakeInstallation, make_app: MakeApp) -> None:
    own = new_installation()
    client = make_app(redis_url=own.redis_url).test_client()
    open_queue("inference", own.connection).enqueue(ECHO, 1)
    client.post("/webhook", json=webhook_body())
    found = samples(client)
    assert found["zegclip_queue_up",] == 1
    assert found["zegclip_jobs", "inference", "waiting"] == 1
    assert found["zegclip_workers", "inference"] == 0
    assert found["zegclip_events_total", "ANNOTATION_CREATED"] == 1


def test_a_scrape_succeeds_while_the_queue_is_away(client: FlaskClient) -> None:
    found = samples(client)
    assert found["zegclip_queue_up",] == 0
    assert not any(name == "zegclip_jobs" for name, *_ in found)


def test_requests_are_measured_by_route_and_never_by_path(client: FlaskClient) -> None:
    client.get("/health")
    client.post("/webhook/s3cret", json=webhook_body())
    client.get("/no-such-page")
    found = samples(client)
    assert found["zegclip_request_seconds_count", "contract.health", "200"] == 1
    assert found["zegclip_request_seconds_count", "contract.webhook", "201"] == 1
    assert found["zegclip_request_seconds_count", "none", "404"] == 1
    assert "s3cret" not in client.get("/metrics").get_data(as_text=True)
