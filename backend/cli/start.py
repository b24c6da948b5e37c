"""`zegclip start`: everything on one machine, for an existing Label Studio."""

import argparse
import signal
import sys

from backend.cli.settings_flags import add_settings_flags, settings_from
from backend.logs import configure_logging
from backend.product import Product

_EXAMPLES = """examples:
  LABEL_STUDIO_API_KEY=… zegclip start --label-studio-url http://localhost:8080
  zegclip start --port 9091 --data-dir ./zegclip-data --model ViT-B-16/openai

Then, in Label Studio: project, Settings, Model, Connect Model, and give the address that is printed here.
Label Studio 1.23 refuses backends on private addresses unless it runs with
  ML_BLOCK_LOCAL_IP=false SSRF_PROTECTION_ENABLED=false
Ctrl-C ends everything that was started; `zegclip doctor` checks the whole set-up."""

_READY_SECONDS = 600


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str) -> None:
    """Describe the command."""
    parser = commands.add_parser(
        "start",
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
        "device",
        "engine",
        "threads",
        "redis_url",
        "label_studio_url",
        "batch_size",
        "log_level",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Start every part, say when it is ready, and keep it alive until Ctrl-C or SIGTERM."""
    settings = settings_from(arguments)
    configure_logging(settings.log_level)
    product = Product(settings=settings)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: product.request_stop())
    with product:
        print(f"starting on {settings.data_dir}, model {settings.model} …", file=sys.stderr, flush=True)
        product.wait_until_ready(timeout=_READY_SECONDS)
        if not product.supervisor.stopping:
            print(f"ready: connect Label Studio to {product.url} (Ctrl-C ends it)", flush=True)
            product.watch()
        print("ending …", file=sys.stderr, flush=True)
    return 0
