"""`zegclip worker`: one worker, for a set-up on several machines."""

import argparse
import contextlib

from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.logs import configure_logging
from backend.queueing.address import queue_address
from backend.queueing.connection import connect, require_answer
from backend.queueing.names import LEARNING_QUEUES
from backend.worker.check import require_neighbour

_EXAMPLES = """examples:
  REDIS_URL=redis://queue:6379 LABEL_STUDIO_API_KEY=… zegclip worker inference --threads 4
  REDIS_URL=redis://queue:6379 zegclip worker training
  REDIS_URL=redis://queue:6379 zegclip worker ingest        (reads corrections; beside each training worker)

A worker finishes its job on SIGTERM and then ends; a second SIGTERM ends it at once."""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "worker",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=("inference", *LEARNING_QUEUES), help="which queues to work on")
    parser.add_argument("--burst", action="store_true", help="end when the queues are empty")
    parser.add_argument(
        "--check", action="store_true", help="do not work, tell by the exit code whether one works here"
    )
    add_settings_flags(
        parser,
        "data_dir",
        "storage_url",
        "model",
        "device",
        "engine",
        "threads",
        "redis_url",
        "label_studio_url",
        "log_level",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Work until SIGTERM or Ctrl-C."""
    settings = settings_from(arguments)
    configure_logging(settings.log_level)
    address = queue_address(settings)
    if arguments.check:
        with contextlib.closing(connect(address)) as connection:
            print(require_neighbour(arguments.kind, connection))
        return 0
    # A worker rides out an outage; a wrong address at its start should be told at once.
    require_answer(address)
    if arguments.kind == "inference":
        from backend.worker.inference import run_inference_worker

        run_inference_worker(settings, redis_url=address, burst=arguments.burst)
    else:
        # The parent of training jobs must never import torch: a fork after torch has run hangs.
        from backend.worker.training import run_learning_worker

        run_learning_worker(settings, arguments.kind, redis_url=address, burst=arguments.burst)
    return 0
