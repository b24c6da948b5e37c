"""A simulated annotator works through a real Label Studio, and the product learns from the corrections.

For each order of tasks (as the product proposes them, and random) and each seed, the annotator opens a task,
corrects the prediction to the ground truth and submits, all through Label Studio's API. Labels named by
`--never` are never painted: a task that shows one is skipped. After each number of corrections the project is
trained by Label Studio's button, and the model in service is measured on an untouched split.

    python -m benchmarks.loop --dataset datasets/voc_subset \\
        --label-studio .venv-label-studio/bin/label-studio
"""

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path

from backend.demo.label_studio_server import LabelStudioServer
from backend.images.from_settings import open_images
from backend.label_studio.client import LabelStudioClient
from backend.label_studio.unannotated import unannotated_tasks
from backend.learning.champions import Champions, open_champions
from backend.learning.find_project import find_project
from backend.learning.project_folder import ProjectFolder
from backend.learning.project_key import key_from_api
from backend.learning.rank_project import rank_project
from backend.product import Product
from backend.settings import Settings, load_settings
from benchmarks.annotator import Annotator, add_project_options, free_port, open_project, predict_all
from benchmarks.loop_report import ORDERS, Point, tables, write
from benchmarks.shared_encodings import share_encodings
from training.dataset_description import DatasetDescription
from training.evaluate import evaluate
from zegclip_core.segmenter import Segmenter, build_segmenter

PATIENCE = 7200.0


def main() -> None:
    """Run what the arguments ask for, print the table and write table and plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_project_options(parser, pool=200)
    parser.add_argument("--test-split", default="val_dev")
    parser.add_argument(
        "--halves", action="store_true", help="cut the training split by seed: one half learns, one measures"
    )
    parser.add_argument("--test", type=int, default=200, help="images of the test split")
    parser.add_argument("--corrections", type=int, nargs="+", default=[10, 25, 50])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--orders", nargs="+", choices=ORDERS, default=list(ORDERS))
    parser.add_argument("--iterations", type=int, default=0)
    parser.add_argument(
        "--without-predictions", action="store_true", help="start from tasks that nothing was predicted for"
    )
    parser.add_argument("--out", type=Path, default=Path("benchmark-loop"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    server = LabelStudioServer(
        program=arguments.label_studio.absolute(),
        folder=arguments.out.absolute() / "label-studio",
        port=free_port(),
    )
    points: list[Point] = []
    with server:
        settings = load_settings(
            port=free_port(),
            data_dir=arguments.out.absolute() / "data",
            model="zegclip-mini",
            label_studio_url=server.url,
            label_studio_api_key=server.token(),
            train_after=0,
            training_iterations=arguments.iterations,
            # Only the proposed order looks at predictions; the annotator paints the truth, whatever they are.
            repredict="proposed" in arguments.orders,
            log_level="WARNING",
        )
        with Product(settings=settings) as product:
            product.wait_until_ready(timeout=PATIENCE)
            for seed in arguments.seeds:
                for order in arguments.orders:
                    points += _one_run(
                        arguments, LabelStudioClient(origin=server.origin()), product, order, seed
                    )
                    write(points, arguments.out)
    print(tables(points))


def _one_run(
    arguments: argparse.Namespace, client: LabelStudioClient, product: Product, order: str, seed: int
) -> list[Point]:
    dataset = DatasetDescription.load(arguments.dataset)
    never = tuple(arguments.never) if arguments.never is not None else dataset.unseen
    generator = random.Random(seed)
    ids = list(dataset.ids(arguments.train_split))
    generator.shuffle(ids)
    if arguments.halves:
        ids, test = ids[: len(ids) // 2], ids[len(ids) // 2 :]
    else:
        test = list(dataset.ids(arguments.test_split))
    project, backend = open_project(
        client, title=f"{order} {seed}", dataset=dataset, ids=ids[: arguments.pool], url=product.url
    )
    if not arguments.without_predictions:
        predict_all(client, project, product)
    annotator = Annotator(client=client, project=project, dataset=dataset, ids=ids, never=never)
    key = key_from_api(client.project(project))
    champions = open_champions(build_segmenter("zegclip-mini", device="cpu"), product.settings)
    test = test[: arguments.test]
    points = [_measure(champions, key, dataset, arguments, test, never, order, seed, 0, "", 0.0)]
    print(points[-1], flush=True)
    done = 0
    for target in arguments.corrections:
        tasks = _tasks_in_order(client, project, order, generator, champions.of(key), product.settings)
        while done < target and tasks:
            done += annotator.work(tasks.pop(0))
        started = time.monotonic()
        result = _train(client, product.settings, project, backend)
        seconds = time.monotonic() - started
        points.append(
            _measure(champions, key, dataset, arguments, test, never, order, seed, done, result, seconds)
        )
        print(points[-1], flush=True)
    return points


def _tasks_in_order(
    client: LabelStudioClient,
    project: int,
    order: str,
    generator: random.Random,
    served: tuple[Segmenter, str],
    settings: Settings,
) -> list[int]:
    if order == "proposed":
        segmenter, version = served
        share_encodings(segmenter.head)
        ranked = rank_project(
            client, project, segmenter=segmenter, version=version, images=open_images(settings)
        )
        return [one.task for one in ranked]
    tasks = sorted(one.task.id for one in unannotated_tasks(client, project))
    generator.shuffle(tasks)
    return tasks


def _train(client: LabelStudioClient, settings: Settings, project: int, backend: int) -> str:
    """Press the training button and wait for the end; returns what it came to."""
    folder = find_project(settings, project)
    before = folder.state
    client.call("POST", f"/api/ml/{backend}/train", body={})
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        state = folder.state
        if state.starts_read > before.starts_read and state.trained_at > before.trained_at:
            if state.last_result.startswith("promoted") and settings.repredict:
                _wait_for_predictions(client, project, folder, deadline)
            return state.last_result
        time.sleep(1.0)
    raise SystemExit(f"no training ended within {PATIENCE:.0f} s: {folder.state.last_result}")


def _wait_for_predictions(
    client: LabelStudioClient, project: int, folder: ProjectFolder, deadline: float
) -> None:
    """Wait until the version in service has painted every task that nobody has annotated."""
    version = folder.version_name(folder.registry.aliases.champion or 0)
    while time.monotonic() < deadline:
        waiting = unannotated_tasks(client, project)
        if all(version in one.task.model_versions for one in waiting):
            return
        time.sleep(2.0)
    raise SystemExit(f"tasks were not painted with {version} within {PATIENCE:.0f} s")


def _measure(
    champions: Champions,
    key: str,
    dataset: DatasetDescription,
    arguments: argparse.Namespace,
    test: Sequence[str],
    never: Sequence[str],
    order: str,
    seed: int,
    corrections: int,
    result: str,
    seconds: float,
) -> Point:
    segmenter, version = champions.of(key)
    share_encodings(segmenter.head)
    split = arguments.train_split if arguments.halves else arguments.test_split
    scores = evaluate(segmenter, dataset, split, unseen=never, ids=test).scores
    return Point(
        order=order,
        seed=seed,
        corrections=corrections,
        version=version,
        seen=round(scores.m_iou_seen, 2),
        never=round(scores.m_iou_unseen, 2),
        h_iou=round(scores.h_iou, 2),
        result=result,
        seconds=round(seconds, 1),
    )


if __name__ == "__main__":
    main()
