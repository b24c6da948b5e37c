"""`python -m backend.demo`: what `make demo` runs once everything is installed."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from filelock import FileLock, Timeout

from backend.demo.label_studio_server import EMAIL, PASSWORD, LabelStudioServer
from backend.demo.photos import SAMPLE_LABELS, own_photos, sample_photos
from backend.demo.ports import free_port
from backend.demo.project import OverlayReport, connect, find_or_create, unpainted, write_overlays
from backend.demo.steps import Step, step
from backend.errors import AlreadyRunningError, BackendError
from backend.images.source import ImageSource
from backend.label_studio.client import LabelStudioClient
from backend.logs import configure_logging, redact
from backend.prelabel import Prelabeller
from backend.product import Product
from backend.queueing.connection import connect as connect_queue
from backend.settings import load_settings
from zegclip_core.backbones.notation import model_version, parse_notation
from zegclip_core.errors import ZegCLIPError
from zegclip_core.labels import Label, parse_words

_LABEL_STUDIO_PORT = 8080
_WEB_PORT = 9090
_READY_SECONDS = 600
# "Retrieve predictions" is one call of at most 100 s for all tasks; larger projects are painted by batches.
_MOST_IN_ONE_CALL = 20
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return its exit code: 0 all painted, 1 something failed, 130 ended by Ctrl-C."""
    options = _parser().parse_args(arguments)
    # A supervisor's SIGTERM or a closed terminal ends the demo as Ctrl-C does: what was started is ended.
    for number in _ENDING_SIGNALS:
        signal.signal(number, _interrupt)
    _keep_proxies_out()
    configure_logging("WARNING")
    try:
        return _run(options)
    except KeyboardInterrupt:
        print("ended")
        return 130
    except (BackendError, ZegCLIPError) as error:
        print(f"demo: {redact(str(error))}", file=sys.stderr)
        return 1


def _run(options: argparse.Namespace) -> int:
    folder: Path = options.folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_alone_on(folder))
        try:
            return _demonstrate(options, folder, stack)
        finally:
            # From here everything that was started is ended; a second Ctrl-C must not leave half of it.
            for number in _ENDING_SIGNALS:
                signal.signal(number, signal.SIG_IGN)


def _demonstrate(options: argparse.Namespace, folder: Path, stack: ExitStack) -> int:
    labels = parse_words(options.labels or SAMPLE_LABELS)
    with step("reading the photographs"):
        photos = own_photos([options.images.expanduser()]) if options.images else sample_photos()
    version = model_version(parse_notation(options.model))
    server = LabelStudioServer(
        program=options.label_studio, folder=folder / "label-studio", port=free_port(_LABEL_STUDIO_PORT)
    )
    stack.callback(server.stop)
    with step("starting Label Studio (the first time takes up to a minute)"):
        server.start()
    client = LabelStudioClient(origin=server.origin())
    product = _product(options.model, folder, server)
    stack.callback(product.stop)
    with step("starting the queue, the web process and the workers"):
        product.start()
        product.wait_until_ready(timeout=_READY_SECONDS)
    with step(
        f"a project with {len(photos)} photos for {', '.join(label.name for label in labels)}"
    ) as running:
        project = find_or_create(
            client,
            photos=photos,
            labels=labels,
            state=folder / "projects.json",
            progress=lambda number: running.tell(f"{number} of {len(photos)} uploaded"),
        )
    with step("connecting the backend"):
        connect(client, project, product.url)
    started = time.monotonic()
    with step("painting") as running:
        failures = _paint(client, product, project, version, running)
    seconds = time.monotonic() - started
    with step("drawing overlays"):
        drawn = _overlays(client, server, project, version, labels, folder)
    failures |= drawn.failures
    print(
        f"{len(photos) - len(failures)} tasks, {drawn.regions} regions, {seconds:.1f} s of painting; "
        f"overlays in {folder / 'overlays'}"
    )
    for task, reason in failures.items():
        print(f"  task {task} could not be painted: {reason}")
    if options.once:
        return 1 if failures else 0
    _invite(server, project, product)
    product.watch(also=server.require_alive)
    return 0


def _product(model: str, folder: Path, server: LabelStudioServer) -> Product:
    settings = load_settings(
        data_dir=folder / "zegclip",
        model=model,
        port=free_port(_WEB_PORT),
        host="127.0.0.1",
        label_studio_url=server.url,
        label_studio_api_key=server.token(),
        log_level="WARNING",
    )
    return Product(settings=settings)


def _paint(
    client: LabelStudioClient, product: Product, project: int, version: str, running: Step
) -> dict[int, str]:
    """Let Label Studio ask the backend, as a person would; batches do the rest. Returns reasons by task."""
    missing = unpainted(client, project, version)
    if missing and len(missing) <= _MOST_IN_ONE_CALL:
        client.retrieve_predictions(project)
    prelabeller = Prelabeller(
        client=client,
        connection=connect_queue(product.redis_url),
        project=project,
        model_version=version,
        batch_size=product.settings.batch_size,
        workers=1,
    )

    def tell(_: int) -> None:
        report = prelabeller.report
        running.tell(f"{report.done + report.skipped} tasks done")

    return {failure.task: failure.message for failure in prelabeller.run(progress=tell).failures}


def _overlays(
    client: LabelStudioClient,
    server: LabelStudioServer,
    project: int,
    version: str,
    labels: Sequence[Label],
    folder: Path,
) -> OverlayReport:
    images = ImageSource(
        label_studio=server.origin(),
        cache_dir=folder / "zegclip" / "images",
        cache_bytes=0,
        max_bytes=2**30,
        max_pixels=10**9,
    )
    return write_overlays(
        client, project, version=version, images=images, labels=labels, folder=folder / "overlays"
    )


def _invite(server: LabelStudioServer, project: int, product: Product) -> None:
    print(
        f"""
  Open      {server.url}/projects/{project}/data
  Log in    {EMAIL}
  Password  {PASSWORD}

  Click a task: its masks are there, ready to be corrected. Choose one in the list of regions, take brush or
  eraser, and Submit.
  The backend itself is at {product.url} (connected to the project: Settings, Model).
  Ctrl-C ends everything that was started here; `make demo` brings it back with your work.""",
        flush=True,
    )


def _alone_on(folder: Path) -> FileLock:
    lock = FileLock(folder / "demo.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AlreadyRunningError(
            f"the demo already runs on {folder}: use it, or end it with Ctrl-C in its terminal"
        ) from None
    return lock


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _keep_proxies_out() -> None:
    """Make the demo's processes talk to each other directly where a proxy is configured for the rest."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "localhost", "127.0.0.1"]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make demo",
        description="Label Studio and the backend on this machine, with photographs and their masks.",
        epilog='examples: make demo | make demo IMAGES=photos LABELS="cat, sofa, person" | make demo ONCE=1',
    )
    parser.add_argument("--folder", type=Path, default=Path(".demo"), help="where everything is kept")
    parser.add_argument(
        "--label-studio",
        type=Path,
        default=Path(".venv-label-studio/bin/label-studio"),
        help="the program, in an environment of its own",
    )
    parser.add_argument("--images", type=Path, default=None, help="a folder of your own photographs")
    parser.add_argument("--labels", default=None, help='your own words: "cat|kitten, sofa, person"')
    parser.add_argument("--model", default="zegclip-mini", help="as for zegclip start")
    parser.add_argument("--once", action="store_true", help="end when the masks are in")
    return parser


if __name__ == "__main__":
    sys.exit(main())
