"""Painting a whole project: every task once, whatever happens on the way."""

import contextlib
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from backend.demo.label_studio_server import LabelStudioServer
from backend.demo.photos import Photo
from backend.label_studio.client import LabelStudioClient
from backend.label_studio.errors import LabelStudioUnreachableError
from backend.label_studio.origin import LabelStudioOrigin
from backend.prelabel import Prelabeller
from backend.product import Product
from backend.queueing.connection import connect
from backend.supervisor import Child
from tests.gate import Gate
from tests.http_server import Answer, LocalServer
from tests.label_studio import MakeProject
from tests.photos import small_photos
from tests.processes import clean_environment, wait_until

VERSION = "zegclip-mini@4"
CHELSEA = small_photos(["chelsea.jpg"])[0]
TASKS = 60
BROKEN = Photo("broken.jpg", b"no image at all")

MakePrelabeller = Callable[..., Prelabeller]


@pytest.fixture
def prelabeller(client: LabelStudioClient, product: Product) -> Iterator[MakePrelabeller]:
    """Make a run over a project; small batches and pages, so that few tasks make many of both."""
    with contextlib.closing(connect(product.redis_url)) as connection:

        def make(project: int, **options: object) -> Prelabeller:
            return Prelabeller(
                **{
                    "client": client,
                    "connection": connection,
                    "project": project,
                    "model_version": VERSION,
                    "batch_size": 2,
                    "workers": 1,
                    "page_size": 2,
                    "store_seconds": 0.0,
                    **options,
                }
            )

        yield make


@pytest.fixture
def gate(label_studio: LabelStudioServer) -> Iterator[Gate]:
    with Gate(target=label_studio.port) as made:
        yield made


@pytest.fixture
def client_at_gate(label_studio: LabelStudioServer, gate: Gate) -> LabelStudioClient:
    return LabelStudioClient(origin=LabelStudioOrigin(url=gate.url, api_key=label_studio.token()))


def predictions_per_task(client: LabelStudioClient, project: int) -> dict[int, int]:
    counted = Counter(prediction["task"] for prediction in client.predictions(project))
    return {task.id: counted[task.id] for page in client.iter_tasks(project) for task in page}


def test_every_task_is_painted_page_by_page(
    client: LabelStudioClient, make_project: MakeProject, prelabeller: MakePrelabeller
) -> None:
    project = make_project(labels="cat, cup", photos=[CHELSEA] * 5)
    told: list[int] = []
    report = prelabeller(project).run(progress=told.append)
    assert (report.done, report.regions, report.skipped, report.failures) == (5, 5, 0, [])
    assert sum(told) == 5
    assert set(predictions_per_task(client, project).values()) == {1}
    for prediction in client.predictions(project):
        assert prediction["model_version"] == VERSION
        assert [region["value"]["brushlabels"] for region in prediction["result"]] == [["cat"]]


def test_a_second_run_does_nothing_twice(
    client: LabelStudioClient, make_project: MakeProject, prelabeller: MakePrelabeller
) -> None:
    project = make_project(labels="cat, cup", photos=[CHELSEA] * 3)
    first = prelabeller(project).run(limit=2)
    assert (first.done, first.skipped) == (2, 0)
    second = prelabeller(project).run()
    assert (second.done, second.skipped) == (1, 2)
    assert set(predictions_per_task(client, project).values()) == {1}


def test_failures_are_told_by_task_and_tried_again_by_the_next_run(
    client: LabelStudioClient, make_project: MakeProject, prelabeller: MakePrelabeller
) -> None:
    with LocalServer() as images:
        images.routes["/away.jpg"] = Answer(status=503)
        project = make_project(labels="cat, cup", photos=[BROKEN, CHELSEA])
        client.call("POST", f"/api/projects/{project}/import", body=[{"image": f"{images.url}/away.jpg"}])
        broken, good, away = predictions_per_task(client, project)

        report = prelabeller(project).run()
        assert report.done == 1
        assert {f.task: f.kind for f in report.failures} == {broken: "permanent", away: "passing"}
        assert {f.task for f in report.failures if f.message} == {broken, away}
        assert predictions_per_task(client, project) == {broken: 0, good: 1, away: 0}

        images.routes["/away.jpg"] = Answer(CHELSEA.content)
        # The worker may remember for some seconds that an address failed.
        again = prelabeller(project).run()
    assert (again.skipped, again.done + len(again.failures)) == (1, 2)
    assert broken in {failure.task for failure in again.failures}


def test_label_studio_may_be_away_for_a_while(
    client: LabelStudioClient,
    client_at_gate: LabelStudioClient,
    gate: Gate,
    make_project: MakeProject,
    prelabeller: MakePrelabeller,
) -> None:
    project = make_project(labels="cat, cup", photos=[CHELSEA] * 4)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            gate.open()

    run = prelabeller(project, client=client_at_gate, sleep=sleep, batch_size=1)
    report = run.run(progress=lambda _: gate.shut() if not waited else None)
    assert (report.done, report.failures) == (4, [])
    assert waited == sorted(waited)
    assert len(waited) >= 3
    assert set(predictions_per_task(client, project).values()) == {1}


def test_a_lost_answer_stores_nothing_twice(
    client: LabelStudioClient,
    client_at_gate: LabelStudioClient,
    gate: Gate,
    make_project: MakeProject,
    prelabeller: MakePrelabeller,
) -> None:
    project = make_project(labels="cat, cup", photos=[CHELSEA] * 2)
    gate.lose_answer_to(f"POST /api/projects/{project}/import/predictions".encode())
    report = prelabeller(project, client=client_at_gate).run()
    assert gate.losses == 1
    assert (report.done, report.failures) == (2, [])
    assert set(predictions_per_task(client, project).values()) == {1}


def test_label_studio_away_for_good_ends_the_run_and_keeps_what_was_stored(
    client: LabelStudioClient,
    client_at_gate: LabelStudioClient,
    gate: Gate,
    make_project: MakeProject,
    prelabeller: MakePrelabeller,
) -> None:
    project = make_project(labels="cat, cup", photos=[CHELSEA] * 3)
    run = prelabeller(project, client=client_at_gate, sleep=lambda _: None, batch_size=1)
    with pytest.raises(LabelStudioUnreachableError, match="does not answer"):
        run.run(progress=lambda _: gate.shut())
    assert run.report.done == 1
    assert sum(predictions_per_task(client, project).values()) == 1


def test_a_task_that_is_deleted_meanwhile_is_refused_alone(
    client: LabelStudioClient, make_project: MakeProject, prelabeller: MakePrelabeller
) -> None:
    project = make_project(labels="cat, cup", photos=[CHELSEA] * 3)
    first, second, third = predictions_per_task(client, project)

    def delete_second(_: int) -> None:
        if second in predictions_per_task(client, project):
            client.call("DELETE", f"/api/tasks/{second}/")

    # With one task in a job, the second waits in the queue while the first is told to be done.
    report = prelabeller(project, batch_size=1, page_size=100).run(progress=delete_second)
    assert report.done == 2
    assert [(failure.task, failure.kind) for failure in report.failures] == [(second, "refused")]
    assert predictions_per_task(client, project) == {first: 1, third: 1}


@contextlib.contextmanager
def paused(child: Child) -> Iterator[None]:
    """A process of the product that stands still meanwhile."""
    child.send(signal.SIGSTOP)
    try:
        yield
    finally:
        child.send(signal.SIGCONT)


def test_ctrl_c_and_the_same_command_again(
    client: LabelStudioClient, make_project: MakeProject, product: Product, tmp_path: Path
) -> None:
    # So many that not all are painted before the first is seen, however slow this machine looks.
    project = make_project(labels="cat, cup", photos=[CHELSEA] * TASKS)
    command = [sys.executable, "-m", "backend", "prelabel", "--project", str(project), "--batch-size", "1"]
    environment = clean_environment(**product.settings.as_environment(), REDIS_URL=product.redis_url)
    worker = next(child for child in product.supervisor.children if child.name == "inference worker")
    log = tmp_path / "prelabel.log"

    with log.open("wb") as output:
        first = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    wait_until(lambda: client.predictions(project) or first.poll() is not None, "the first task is painted")
    with paused(worker):
        first.send_signal(signal.SIGINT)
        assert first.wait(120) == 130, log.read_text()
    summary = re.search(r"(\d+) tasks painted with \d+ regions, 0 skipped, 0 failed", log.read_text())
    assert summary, log.read_text()
    done = len(client.predictions(project))
    assert int(summary[1]) <= done < TASKS

    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert second.returncode == 0, second.stderr
    left = TASKS - done
    assert f"{left} tasks painted with {left} regions, {done} skipped, 0 failed" in second.stdout
    assert set(predictions_per_task(client, project).values()) == {1}
