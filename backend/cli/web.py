"""`zegclip web`: the web process alone, for a set-up on several machines."""

import argparse

from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.logs import configure_logging
from backend.queueing.address import queue_address
from backend.web.auth import require_safe_address
from backend.web.port import require_free_port
from backend.web.server import WebServer

_EXAMPLES = """examples:
  REDIS_URL=redis://queue:6379 zegclip web --host 0.0.0.0 --port 9090
  zegclip web --data-dir ./data          (beside a running `zegclip start` of the same folder)"""


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "web",
        help=summary,
        description=summary,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_settings_flags(
        parser,
        "host",
        "port",
        "data_dir",
        "storage_url",
        "model",
        "redis_url",
        "label_studio_url",
        "log_level",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    settings = settings_from(arguments)
    configure_logging(settings.log_level)
    require_safe_address(settings)
    require_free_port(settings.host, settings.port)
    WebServer(settings=settings, redis_url=queue_address(settings)).run()
    return 0
