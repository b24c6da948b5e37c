"""The browser of the end-to-end tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from backend.demo.label_studio_server import LabelStudioServer
from tests.e2e.editor import Editor

_WINDOW = {"width": 1600, "height": 1000}


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The Chromium of this machine, or a skip that says how to get it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return Path(found)
    pytest.skip("NO BROWSER: the editor's tests need Chromium (Debian: apt-get install chromium)")


# One for each module: while it is open, playwright keeps an event loop in this thread.
@pytest.fixture(scope="module")
def browser(chromium: Path) -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=str(chromium), args=["--no-sandbox", "--disable-gpu"]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def editor(browser: Browser, label_studio: LabelStudioServer) -> Editor:
    """A page that is logged in to Label Studio."""
    opened = Editor(page=browser.new_page(viewport=_WINDOW), server=label_studio)
    opened.log_in()
    return opened
