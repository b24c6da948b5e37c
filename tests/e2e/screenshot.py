"""Make the README's picture from a real run: `python -m tests.e2e.screenshot docs/images/label-studio.png`.

Label Studio starts on a folder of its own, the backend is connected, the sample photographs are painted by
"Retrieve predictions", and the browser opens one of them. Nothing in the picture is drawn by hand.
"""

import argparse
import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from backend.demo.label_studio_server import LabelStudioServer
from backend.demo.photos import SAMPLE_LABELS, sample_photos
from backend.demo.project import connect, find_or_create
from backend.label_studio.client import LabelStudioClient
from backend.product import Product
from backend.settings import Settings, load_settings
from tests.e2e.editor import Editor
from tests.label_studio import PROGRAM, unused_port
from zegclip_core.labels import parse_words

_WINDOW = {"width": 1280, "height": 760}
_READY_SECONDS = 600


def main() -> None:
    """Run everything once and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--photo", default="chelsea.jpg", help="the sample photograph that is opened")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = LabelStudioServer(program=PROGRAM, folder=folder / "label-studio", port=unused_port())
        with server, Product(settings=_settings(server, folder)) as product:
            product.wait_until_ready(timeout=_READY_SECONDS)
            options.picture.parent.mkdir(parents=True, exist_ok=True)
            options.picture.write_bytes(_screenshot(server, product, folder, options.photo))


def _settings(server: LabelStudioServer, folder: Path) -> Settings:
    return load_settings(
        port=unused_port(),
        data_dir=folder / "zegclip",
        label_studio_url=server.url,
        label_studio_api_key=server.token(),
        log_level="WARNING",
    )


def _screenshot(server: LabelStudioServer, product: Product, folder: Path, photo: str) -> bytes:
    client = LabelStudioClient(origin=server.origin())
    project = find_or_create(
        client, photos=sample_photos(), labels=parse_words(SAMPLE_LABELS), state=folder / "projects.json"
    )
    connect(client, project, product.url)
    client.retrieve_predictions(project)
    tasks = [task for page in client.iter_tasks(project) for task in page]
    opened = next(task for task in tasks if str(task.data["image"]).endswith(photo))
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        editor = Editor(page=browser.new_page(viewport=_WINDOW), server=server)
        editor.log_in()
        editor.open_task(project, opened.id)
        editor.wait_for_regions()
        editor.page.wait_for_load_state("networkidle")
        shown = editor.page.screenshot()
        browser.close()
    return _small(shown)


def _small(png: bytes) -> bytes:
    """The same picture, packed as well as PNG can."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(png)) as picture:
        picture.convert("RGB").save(file, "PNG", optimize=True)
    return file.getvalue()


if __name__ == "__main__":
    main()
