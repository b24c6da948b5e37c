"""`zegclip scheduler`: queues what is due, for a set-up on several machines."""

import argparse
import signal

from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.learning.scheduler import Scheduler
from backend.logs import configure_logging
from backend.queueing.address import queue_address
from backend.queueing.connection import connect

_EXAMPLES = """examples:
  REDIS_URL=redis://queue:6379 zegclip scheduler
  REDIS_URL=redis://queue:6379 zegclip scheduler --train-after 50 --train-schedule "0 3 * * *"

It needs the data folder of the web process, where the events lie. `zegclip start` runs one by itself. Several
may run: a training is queued once for each cause. Learning: docs/learning-loop.md"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "scheduler",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_settings_flags(
        parser,
        "data_dir",
        "storage_url",
        "redis_url",
        "train_after",
        "train_schedule",
        "scheduler_seconds",
        "log_level",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Queue what is due until SIGTERM or Ctrl-C."""
    settings = settings_from(arguments)
    configure_logging(settings.log_level)
    scheduler = Scheduler(settings=settings, connection=connect(queue_address(settings)))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: scheduler.request_stop())
    scheduler.run()
    return 0
