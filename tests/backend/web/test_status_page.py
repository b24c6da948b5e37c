import re
import time
import uuid

import pytest
from flask.testing import FlaskClient
from rq import SimpleWorker
from rq.executions import Execution

from backend.queueing.connection import SERIALIZER, open_queue
from backend.queueing.names import INFERENCE
from backend.recent_predictions import RecentPrediction, recent_predictions
from backend.web.services import services
from tests.backend.queueing.jobs import FAIL
from tests.backend.web.bodies import setup_body, webhook_body
from tests.backend.web.conftest import MakeApp
from tests.processes import Installation, MakeInstallation
from zegclip_core.segmenter import Segmenter

PROGRESS = {"stage": "training", "done": 40, "total": 300, "seconds_left": None, "loss": 0.2134}


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


@pytest.fixture
def connected(own: Installation, make_app: MakeApp) -> FlaskClient:
    return make_app(redis_url=own.redis_url).test_client()


def work(own: Installation, queue: str) -> None:
    """Run everything that waits in a queue, in this process."""
    worker = SimpleWorker(
        [open_queue(queue, own.connection)],
        name=f"test-{uuid.uuid4().hex}",
        connection=own.connection,
        serializer=SERIALIZER,
    )
    worker.log.disabled = True
    worker.work(burst=True)


def page(client: FlaskClient) -> str:
    reply = client.get("/")
    assert reply.status_code == 200
    return reply.get_data(as_text=True)


def test_the_page_is_there_while_the_queue_is_away(client: FlaskClient) -> None:
    client.post("/webhook", json=webhook_body())
    html = page(client)
    assert "Not ready" in html
    assert "REDIS_URL" in html
    assert "ANNOTATION_CREATED" in html


def test_the_page_needs_the_password(make_app: MakeApp) -> None:
    client = make_app(basic_auth_user="anna", basic_auth_pass="hunter2").test_client()
    for path in ("/", "/metrics", "/static/status.css", "/recent/1-00000000.jpg"):
        assert client.get(path).status_code == 401
    assert client.post("/jobs/some-job/retry").status_code == 401


@pytest.mark.usefixtures("installed_model")
def test_a_project_is_shown_with_its_words_and_warnings_once_a_worker_has_read_them(
    own: Installation, connected: FlaskClient
) -> None:
    schema = (
        '<View><Image name="image" value="$image"/><BrushLabels name="seg" toName="image" '
        'model_min_area="many"><Label value="cat" prompt="kitten|tabby"/></BrushLabels></View>'
    )
    connected.post("/setup", json=setup_body(schema=schema))
    assert "are being read" in page(connected)
    work(own, INFERENCE)
    html = page(connected)
    assert "kitten, tabby" in html
    assert "model_min_area" in html
    (project,) = connected.get("/status").get_json()["projects"]
    assert project["labels"]["controls"][0]["labels"][0]["words"] == ["kitten", "tabby"]
    assert project["model_version"] == "zegclip-mini@4"


@pytest.mark.usefixtures("installed_model")
def test_labels_that_cannot_be_read_show_the_reason(own: Installation, connected: FlaskClient) -> None:
    connected.post("/setup", json=setup_body(schema="<View"))
    page(connected)
    work(own, INFERENCE)
    assert "not usable XML" in page(connected)


@pytest.mark.usefixtures("installed_model")
def test_what_users_wrote_cannot_become_markup(own: Installation, connected: FlaskClient) -> None:
    schema = setup_body()["schema"].replace("cat", "&lt;script&gt;alert(1)&lt;/script&gt;")
    connected.post("/setup", json=setup_body(schema=schema))
    page(connected)
    work(own, INFERENCE)
    assert "<script" not in page(connected)
    assert "&lt;script&gt;" in page(connected)


def failed_job(own: Installation) -> str:
    job = open_queue(INFERENCE, own.connection).enqueue(FAIL, "no such label", description="predict 4 tasks")
    work(own, INFERENCE)
    return str(job.id)


def form_token(client: FlaskClient) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page(client))
    assert found is not None
    return found[1]


def test_a_running_job_is_shown_with_how_far_it_is(own: Installation, connected: FlaskClient) -> None:
    queue = open_queue(INFERENCE, own.connection)
    job = queue.enqueue_call(FAIL, description="train project 3", meta={"progress": PROGRESS})
    with own.connection.pipeline() as pipeline:
        Execution.create(job, ttl=60, pipeline=pipeline)
        pipeline.execute()
    html = page(connected)
    assert "train project 3" in html
    assert "training, 40 of 300, loss 0.213" in html
    (shown,) = connected.get("/status").get_json()["queues"][INFERENCE]["jobs"]
    assert shown["id"] == job.id


def test_a_failed_job_is_shown_with_its_reason_and_can_be_tried_again(
    own: Installation, connected: FlaskClient
) -> None:
    job_id = failed_job(own)
    html = page(connected)
    assert "predict 4 tasks" in html
    assert "ValueError: no such label" in html
    reply = connected.post(f"/jobs/{job_id}/retry", data={"token": form_token(connected)})
    assert (reply.status_code, reply.headers["Location"]) == (303, "/")
    assert open_queue(INFERENCE, own.connection).job_ids == [job_id]


@pytest.mark.parametrize("token", [None, "", "wrong", "ü"])
def test_another_sites_form_changes_nothing(
    token: str | None, own: Installation, connected: FlaskClient
) -> None:
    job_id = failed_job(own)
    reply = connected.post(f"/jobs/{job_id}/retry", data={} if token is None else {"token": token})
    assert reply.status_code == 403
    assert open_queue(INFERENCE, own.connection).count == 0


def test_only_failed_jobs_are_tried_again(own: Installation, connected: FlaskClient) -> None:
    token = {"token": _token_of(connected)}
    job = open_queue(INFERENCE, own.connection).enqueue(FAIL, "later")
    assert connected.post(f"/jobs/{job.id}/retry", data=token).status_code == 409
    assert connected.post("/jobs/no-such-job/retry", data=token).status_code == 404


def _token_of(client: FlaskClient) -> str:
    with client.application.app_context():
        return services().form_token


def test_recent_predictions_are_shown_as_pictures(client: FlaskClient) -> None:
    with client.application.app_context():
        kept = recent_predictions(services().settings.data_dir)
    name = f"{int(1000 * time.time())}-0a1b2c3d"
    kept.add(RecentPrediction(name, "3", "17", "zegclip-mini@4", 0.75, ("cat", "sofa"), 1.0), b"a picture")
    html = page(client)
    assert f"/recent/{name}.jpg" in html
    assert "Task 17 of project 3, painted: cat, sofa" in html
    assert client.get(f"/recent/{name}.jpg").data == b"a picture"


@pytest.mark.parametrize("name", ["nothing", "1-00000000", "..%2F..%2Fsecret", "1-0000000g"])
def test_no_other_file_is_shown(name: str, client: FlaskClient) -> None:
    assert client.get(f"/recent/{name}.jpg").status_code == 404


def test_caches_are_told_with_their_sizes(client: FlaskClient) -> None:
    with client.application.app_context():
        data_dir = services().settings.data_dir
    (data_dir / "images" / "a").mkdir(parents=True)
    (data_dir / "images" / "a" / "one").write_bytes(b"12345")
    (data_dir / "images" / "two").write_bytes(b"123")
    caches = {cache["name"]: cache for cache in client.get("/status").get_json()["caches"]}
    assert caches["downloads"] == {"name": "downloads", "files": 2, "bytes": 8}
    assert caches["encoded images"]["files"] == 0


FRUIT = (
    '<View><Image name="image" value="$image"/><BrushLabels name="seg" toName="image">'
    '<Label value="apple"/><Label value="orange"/></BrushLabels></View>'
)


@pytest.mark.usefixtures("installed_model")
def test_measured_mistakes_stand_among_the_warnings(own: Installation, connected: FlaskClient) -> None:
    connected.post("/setup", json=setup_body(schema=FRUIT))
    page(connected)
    work(own, INFERENCE)
    assert "of the pixels of &#39;apple&#39; are painted &#39;orange&#39;" in page(connected)


@pytest.mark.usefixtures("installed_model")
def test_what_was_measured_with_another_version_than_the_one_in_service_is_not_shown(
    own: Installation, connected: FlaskClient, segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segmenter, "model_version", "project-1-v2")
    connected.post("/setup", json=setup_body(schema=FRUIT))
    page(connected)
    work(own, INFERENCE)
    html = page(connected)
    assert "apple" in html
    assert "of the pixels" not in html
