"""A real Label Studio and the product beside it: started once for the suite, by the first test that asks.

Every test that uses `label_studio` is an end-to-end test: it gets the mark, and time for the first start.
"""

import os
import shutil
import socket
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from backend.demo.label_studio_server import LabelStudioServer
from backend.demo.photos import Photo
from backend.label_studio.client import LabelStudioClient
from backend.painting import label_config
from backend.product import Product
from backend.settings import load_settings
from tests.photos import small_photos
from zegclip_core.labels import parse_words

CHECKOUT = Path(__file__).resolve().parent.parent
PROGRAM = Path(
    os.environ.get("ZEGCLIP_LABEL_STUDIO", CHECKOUT / ".venv-label-studio" / "bin" / "label-studio")
)
LEGACY_TOKEN = "0123456789abcdef0123456789abcdef01234567"
# The first start makes the database: a minute on an idle machine, several on a busy one.
FIRST_TEST_SECONDS = 1200
PRODUCT_READY_SECONDS = 600
# Its first task in a cloud storage waits for what it then imports: two minutes on a very busy machine.
ANSWER_SECONDS = 600

MakeProject = Callable[..., int]


def pytest_report_header() -> str:
    state = str(PROGRAM) if PROGRAM.exists() else f"MISSING at {PROGRAM}: its tests are SKIPPED"
    return f"Label Studio: {state}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "label_studio" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(FIRST_TEST_SECONDS))


def unused_port() -> int:
    """Return a port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def label_studio_program() -> Path:
    """The `label-studio` executable, or a skip that says how to get it."""
    if not PROGRAM.exists():
        pytest.skip(
            f"NO LABEL STUDIO at {PROGRAM}: run `make test`, or set ZEGCLIP_LABEL_STUDIO to its program"
        )
    return PROGRAM


@pytest.fixture(scope="session")
def label_studio(
    label_studio_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LabelStudioServer]:
    """A Label Studio with one user, both kinds of tokens switched on, and no project."""
    server = LabelStudioServer(
        program=label_studio_program,
        folder=tmp_path_factory.mktemp("label-studio"),
        port=unused_port(),
        environment={
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_USER_TOKEN": LEGACY_TOKEN,
        },
    )
    with server:
        yield server


def copy_label_studio(server: LabelStudioServer, folder: Path) -> None:
    """Copy a running Label Studio's data: a server on the copy starts without making the database first."""
    database = "label_studio.sqlite3"
    shutil.copytree(server.folder, folder, ignore=shutil.ignore_patterns(f"{database}*", "*.log"))
    with (
        closing(sqlite3.connect(server.folder / database)) as running,
        closing(sqlite3.connect(folder / database)) as copy,
    ):
        running.backup(copy)


@pytest.fixture(scope="session")
def client(label_studio: LabelStudioServer) -> LabelStudioClient:
    """The API with the user's personal access token."""
    return LabelStudioClient(origin=label_studio.origin(), answer_seconds=ANSWER_SECONDS)


@pytest.fixture(scope="session")
def product(label_studio: LabelStudioServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Queue server, web process and both workers with the embedded model, connected to no project yet."""
    settings = load_settings(
        host="127.0.0.1",
        port=unused_port(),
        data_dir=tmp_path_factory.mktemp("product"),
        model="zegclip-mini",
        device="cpu",
        threads=1,
        label_studio_url=label_studio.url,
        label_studio_api_key=label_studio.token(),
        # Image servers of tests listen on this machine.
        allowed_private_hosts="127.0.0.1",
        log_level="WARNING",
    )
    with Product(settings=settings) as running:
        running.wait_until_ready(timeout=PRODUCT_READY_SECONDS)
        yield running


@pytest.fixture(scope="session")
def make_project(client: LabelStudioClient) -> MakeProject:
    """Make a project through the API: `make_project(labels="cat, sofa", photos=…, backend=product.url)`."""

    def make(
        *,
        labels: str = "cat, cup, person",
        photos: Sequence[Photo] | None = None,
        config: str | None = None,
        backend: str | None = None,
    ) -> int:
        project = client.create_project(
            title=f"test {uuid.uuid4().hex[:8]}", label_config=config or label_config(parse_words(labels))
        )
        for photo in small_photos() if photos is None else photos:
            client.upload(project, name=photo.name, content=photo.content)
        if backend is not None:
            client.connect_backend(project, url=backend, title="ZegCLIP")
        return project

    return make
