"""From the last correction's webhook to tasks painted by the new version: how long each stage takes.

Through a real Label Studio: the tasks of a project are predicted, some are corrected to the truth, their
number starts the training, and the version that it promotes paints the other tasks again. Afterwards the same
corrections are read once more into an empty store: the rate of the ingest with cached images.

    python -m benchmarks.loop_time --dataset datasets/labelmefacade --train-split test --never car \\
        --pool 160 --label-studio .venv-label-studio/bin/label-studio
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rq.job import Job

from backend.demo.label_studio_server import LabelStudioServer
from backend.images.from_settings import open_images
from backend.label_studio.client import LabelStudioClient
from backend.label_studio.unannotated import unannotated_tasks
from backend.learning.find_project import find_project
from backend.learning.ingest import Ingest, IngestReport
from backend.learning.project_folder import ProjectFolder
from backend.product import Product
from backend.queueing.connection import connect
from backend.queueing.learning_jobs import learning_jobs
from backend.settings import Settings, load_settings
from benchmarks.annotator import Annotator, add_project_options, free_port, open_project, predict_all
from benchmarks.measuring import load, table
from training.dataset_description import DatasetDescription

PATIENCE = 3600.0


def main() -> None:
    """Run what the arguments ask for and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_project_options(parser, pool=160)
    parser.add_argument("--corrections", type=int, default=50)
    arguments = parser.parse_args()
    with _running(arguments) as (product, client):
        _measure(arguments, product, client)


@contextmanager
def _running(arguments: argparse.Namespace) -> Iterator[tuple[Product, LabelStudioClient]]:
    with tempfile.TemporaryDirectory() as name:
        server = LabelStudioServer(
            program=arguments.label_studio.absolute(), folder=Path(name) / "label-studio", port=free_port()
        )
        with server:
            settings = load_settings(
                port=free_port(),
                data_dir=Path(name) / "data",
                model="zegclip-mini",
                label_studio_url=server.url,
                label_studio_api_key=server.token(),
                train_after=arguments.corrections,
                log_level="WARNING",
            )
            with Product(settings=settings) as product:
                product.wait_until_ready(timeout=PATIENCE)
                yield product, LabelStudioClient(origin=server.origin())


def _measure(arguments: argparse.Namespace, product: Product, client: LabelStudioClient) -> None:
    dataset = DatasetDescription.load(arguments.dataset)
    never = tuple(arguments.never) if arguments.never is not None else dataset.unseen
    ids = list(dataset.ids(arguments.train_split))
    random.Random(0).shuffle(ids)
    ids = ids[: arguments.pool]
    project, _ = open_project(client, title="timed", dataset=dataset, ids=ids, url=product.url)
    predict_all(client, project, product)
    annotator = Annotator(client=client, project=project, dataset=dataset, ids=ids, never=never)
    done = 0
    for task in sorted(one.task.id for one in unannotated_tasks(client, project)):
        done += annotator.work(task)
        if done == arguments.corrections:
            break
    began = time.time()
    print(f"{load()}; {done} corrections of {len(ids)} tasks", flush=True)
    folder = find_project(product.settings, project)
    job = _ended_job(product, "train")
    left = len(unannotated_tasks(client, project))
    promoted = folder.registry.aliases.champion is not None
    again = _ended_job(product, "repredict") if promoted else None
    print(table(("stage", "seconds"), _rows(folder, began, job, again)))
    print(f"{folder.state.last_result}; {left} tasks were left to paint")
    report = _read_again(product.settings, client, folder)
    rate = report.read / report.seconds
    print(f"ingest with cached images: {report.read} tasks in {report.seconds:.1f} s, {rate:.1f} a second")


def _rows(folder: ProjectFolder, began: float, job: Job, again: Job | None) -> list[list[str]]:
    facts = folder.registry.versions()[-1].facts
    spent = facts.training
    served = next((one["at"] for one in reversed(folder.registry.aliases.history)), facts.created_at)
    stages = {
        "trigger: webhook, corrections of the last events, queue": job.started_at.timestamp() - began,
        "ingest of the rest, and the data set": facts.created_at
        - job.started_at.timestamp()
        - spent["seconds_training"]
        - spent["seconds_comparing"],
        "encode": spent["seconds_encoding"],
        "train": spent["seconds_training"] - spent["seconds_encoding"],
        "gate": spent["seconds_comparing"],
        "publish": served - facts.created_at,
        "webhook to promoted version": served - began,
    }
    if again is not None:
        stages["paint the other tasks again"] = again.ended_at.timestamp() - served
    return [[name, f"{seconds:.1f}"] for name, seconds in stages.items()]


def _ended_job(product: Product, kind: str) -> Job:
    """Wait for the first job of a kind to end and return it."""
    deadline = time.monotonic() + PATIENCE
    connection = connect(product.redis_url)
    while time.monotonic() < deadline:
        for job in learning_jobs(connection):
            if job.meta.get("kind") == kind and job.ended_at is not None:
                return job
        time.sleep(1.0)
    raise SystemExit(f"no {kind} job ended within {PATIENCE:.0f} s")


def _read_again(settings: Settings, client: LabelStudioClient, folder: ProjectFolder) -> IngestReport:
    with tempfile.TemporaryDirectory() as name:
        empty = ProjectFolder(root=Path(name), key=folder.key)
        ingest = Ingest(client=client, images=open_images(settings), folder=empty)
        return ingest.run()


if __name__ == "__main__":
    main()
