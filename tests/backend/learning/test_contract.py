"""Learning as Label Studio sees it: versions by project, and the training button."""

from pathlib import Path

import pytest
from rq.job import Job

from backend.learning.project_folder import ProjectFolder, learning_root
from backend.queueing.connection import SERIALIZER, open_queue
from backend.queueing.names import TRAINING
from tests.backend.learning.pretend import CONFIG, KEY
from tests.backend.learning.versions import publish
from tests.processes import Installation, MakeInstallation, WebProcess

SETUP = {"project": KEY.replace("-", "."), "schema": CONFIG, "hostname": "", "access_token": "t"}
START = {"action": "START_TRAINING", "project": {"id": 7}}


@pytest.fixture
def own(new_installation: MakeInstallation) -> Installation:
    return new_installation()


@pytest.fixture
def web(own: Installation) -> WebProcess:
    return own.start_web()


def trainings(own: Installation) -> list[str]:
    return open_queue(TRAINING, own.connection).get_job_ids()


def test_setup_and_versions_follow_the_project_s_champion(
    own: Installation, web: WebProcess, tmp_path: Path
) -> None:
    base = web.post("/setup", SETUP).json()["model_version"]
    folder = ProjectFolder(root=learning_root(own.data_dir), key=KEY)
    publish(folder, tmp_path)
    assert web.post("/setup", SETUP).json() == {"model_version": "project-7-v1"}
    assert web.post("/setup", SETUP | {"project": "7.1790000000"}).json() == {"model_version": base}
    assert web.get("/versions").json() == {"versions": [base, "project-7-v1"]}
    folder.registry.rollback(why="worse")
    assert web.post("/setup", SETUP).json() == {"model_version": base}


def test_the_training_button_queues_a_training_and_names_it(own: Installation, web: WebProcess) -> None:
    web.post("/setup", SETUP)
    reply = web.post("/webhook", START)
    assert trainings(own) == [reply.json()["job"]]


def test_a_training_brings_along_what_only_the_web_process_knows(own: Installation, web: WebProcess) -> None:
    web.post("/setup", SETUP | {"extra_params": {"threshold": 0.4}})
    job_id = web.post("/webhook", START).json()["job"]
    payload = Job.fetch(job_id, connection=own.connection, serializer=SERIALIZER).args[0]
    assert payload["extra_params"] == {"threshold": 0.4}
    assert payload["events"] == [1, 1]


def test_what_a_storage_that_is_away_has_is_unavailable_and_the_rest_goes_on(
    new_installation: MakeInstallation,
) -> None:
    own = new_installation(
        ZEGCLIP_STORAGE_URL="s3://bucket/zegclip",
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        AWS_ACCESS_KEY_ID="nobody",
        AWS_SECRET_ACCESS_KEY="nothing",
        AWS_DEFAULT_REGION="us-east-1",
    )
    web = own.start_web()
    assert web.post("/setup", SETUP).json()["model_version"].startswith("zegclip-mini@")
    assert len(web.get("/versions").json()["versions"]) == 1
    reply = web.get("/projects/7/learning")
    assert (reply.status_code, reply.json()["error"]) == (503, "unavailable")
    assert web.get("/health").ok


def test_pressing_the_button_again_while_a_training_waits_queues_no_other(
    own: Installation, web: WebProcess
) -> None:
    web.post("/setup", SETUP)
    for _ in range(3):
        assert web.post("/webhook", START).status_code == 201
    assert len(trainings(own)) == 1


def test_the_button_is_acknowledged_while_the_queue_is_away(own: Installation, web: WebProcess) -> None:
    web.post("/setup", SETUP)
    own.kill_queue_server()
    assert web.post("/webhook", START).status_code == 201


def test_what_learning_has_brought_is_told_as_json_and_as_a_page(
    own: Installation, web: WebProcess, tmp_path: Path
) -> None:
    assert web.get("/projects/7/learning").status_code == 404
    web.post("/setup", SETUP)
    web.post("/webhook", START)
    publish(ProjectFolder(root=learning_root(own.data_dir), key=KEY), tmp_path)
    told = web.get("/projects/7/learning").json()
    assert told["serves"] == "project-7-v1"
    assert [(job["kind"], job["state"]) for job in told["jobs"]] == [("train", "queued")]
    assert "Project 7" in web.get("/projects/7/learning.html").text
