"""`zegclip prelabel`: paint every task of a project."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.label_studio.from_settings import open_client
from backend.learning.learning_storage import open_learning
from backend.learning.project_key import key_from_api
from backend.learning.served_version import served_version
from backend.logs import configure_logging
from backend.prelabel import Prelabeller, PrelabelReport
from backend.projects import ProjectStore
from backend.queueing.address import queue_address
from backend.queueing.connection import connect
from backend.queueing.workers import require_inference_workers
from zegclip_core.backbones.notation import model_version, parse_notation

_EXAMPLES = """examples:
  LABEL_STUDIO_API_KEY=… zegclip prelabel --project 3
  zegclip prelabel --project 3 --limit 50            (try the first fifty)
  zegclip prelabel --project 3 --refresh             (paint again what this version painted)

Tasks that have a prediction of this model version are skipped: after Ctrl-C, or worse, the same command
goes on where it ended. Exit code 0: every task is painted; 1: some failed, see the list; 130: interrupted."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "prelabel",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--project", type=int, required=True, help="the project's number, as in its address")
    parser.add_argument("--limit", type=int, default=None, help="paint at most this many tasks")
    parser.add_argument("--refresh", action="store_true", help="delete this version's predictions first")
    parser.add_argument("--report", type=Path, default=None, help="write what happened to this JSON file")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_settings_flags(
        parser,
        "label_studio_url",
        "batch_size",
        "model",
        "data_dir",
        "storage_url",
        "redis_url",
        "log_level",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Paint, then say what happened."""
    settings = settings_from(arguments)
    configure_logging(settings.log_level)
    connection = connect(queue_address(settings))
    workers = require_inference_workers(connection)
    client = open_client(settings)
    project = client.project(arguments.project)
    key, total = key_from_api(project), int(project["task_number"])
    base = model_version(parse_notation(settings.model))
    version = served_version(open_learning(settings), key, base=base)
    if arguments.refresh:
        deleted = client.delete_model_version(arguments.project, version)
        print(f"deleted {deleted} predictions of {version}", file=sys.stderr)
    known = ProjectStore(folder=settings.data_dir / "projects").find(str(arguments.project))
    prelabeller = Prelabeller(
        client=client,
        connection=connection,
        project=arguments.project,
        model_version=version,
        batch_size=settings.batch_size,
        workers=workers,
        extra_params=known.extra_params if known else None,
        project_key=key,
    )
    try:
        with tqdm(total=total, unit="task", desc=version, disable=arguments.quiet) as bar:
            prelabeller.run(limit=arguments.limit, progress=lambda tasks: bar.update(tasks))
    finally:
        _tell(prelabeller.report, arguments.report)
    return 1 if prelabeller.report.failures else 0


def _tell(report: PrelabelReport, file: Path | None) -> None:
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(report), indent=2) + "\n", encoding="utf-8")
    print(
        f"{report.done} tasks painted with {report.regions} regions, {report.skipped} skipped, "
        f"{len(report.failures)} failed, {report.seconds:.1f} s"
    )
    for failure in report.failures:
        print(f"  task {failure.task}: {failure.message} ({failure.kind})")
