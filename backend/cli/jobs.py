"""`zegclip jobs`: what learning is doing."""

import argparse
import time
from collections.abc import Mapping

import redis
from rq.job import Job

from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.logs import redact
from backend.queueing.address import queue_address
from backend.queueing.connection import connect
from backend.queueing.job_progress import progress_words
from backend.queueing.learning_jobs import learning_jobs

_EXAMPLES = """examples:
  zegclip jobs
  zegclip jobs --project 3
  zegclip jobs --follow              (until nothing runs or waits; Ctrl-C ends it)"""
_FOLLOW_SECONDS = 2.0
_ENDED = frozenset({"finished", "failed", "stopped", "canceled"})


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "jobs",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--project", type=int, default=None, help="only this project")
    parser.add_argument("--follow", action="store_true", help="go on until nothing runs or waits")
    add_settings_flags(parser, "data_dir", "redis_url")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print jobs once, or again and again."""
    connection = connect(queue_address(settings_from(arguments)))
    shown = ""
    while True:
        jobs = _chosen(connection, arguments.project)
        text = "\n".join(map(describe, jobs)) or "nothing runs, waits or has ended lately"
        if text != shown:
            print(text, flush=True)
            shown = text
        if not arguments.follow or all(_state(job) in _ENDED for job in jobs):
            return 0
        time.sleep(_FOLLOW_SECONDS)


def describe(job: Job) -> str:
    """Return one line about a job: state, what it does, progress, and how it ended."""
    line = f"{_state(job):<10} {job.description}"
    if _state(job) == "started":
        words = progress_words(job)
        return f"{line}: {words}" if words else line
    result = job.latest_result() if _state(job) in _ENDED else None
    if result is None:
        return line
    value = result.return_value
    if isinstance(value, Mapping) and "outcome" in value:
        return f"{line}: {value['outcome']} ({value['reason']})"
    lines = (result.exc_string or "").strip().splitlines()
    return f"{line}: {redact(lines[-1])}" if lines else line


def _chosen(connection: "redis.Redis", project: int | None) -> list[Job]:
    jobs = learning_jobs(connection)
    if project is None:
        return jobs
    return [job for job in jobs if str(job.meta.get("key", "")).startswith(f"{project}-")]


def _state(job: Job) -> str:
    return str(getattr(job.get_status(refresh=False), "value", job.get_status(refresh=False)))
