"""Label Studio's editor in a real browser: pages by address, regions by its store, masks by their pixels."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page

from backend.demo.label_studio_server import EMAIL, PASSWORD, LabelStudioServer

_PATIENCE = 120_000
_READY = """() => {
    const annotations = window.Htx && window.Htx.annotationStore;
    const image = annotations && annotations.selected && annotations.selected.objects
        .find(object => object.type === 'image');
    return Boolean(image && image.imageIsLoaded !== false && image.stageWidth > 0);
}"""
_REGIONS = """() => Htx.annotationStore.selected.regionStore.regions.map(region => ({
    id: region.cleanId || region.id,
    type: region.type,
    labels: region.labels ? Array.from(region.labels) : [],
    hidden: Boolean(region.hidden),
}))"""


@dataclass(frozen=True, slots=True)
class Region:
    """One region as the editor's store has it."""

    id: str
    type: str
    labels: tuple[str, ...]
    hidden: bool


class Editor:
    """One browser page, logged in to one Label Studio.

    Args:
        page: the browser's page.
        server: the running Label Studio.

    """

    def __init__(self, *, page: Page, server: LabelStudioServer) -> None:
        self.page = page
        self._server = server
        page.set_default_timeout(_PATIENCE)

    def log_in(self) -> None:
        """Fill the login form as a person does."""
        self.page.goto(f"{self._server.url}/user/login/")
        self.page.fill("input[name=email]", EMAIL)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.press("input[name=password]", "Enter")
        self.page.wait_for_url(lambda address: "/user/login" not in address)

    def open_task(self, project: int, task: int) -> None:
        """Open a task from the Data Manager and wait until its image is on the stage."""
        self.page.goto(f"{self._server.url}/projects/{project}/data?task={task}")
        self.page.wait_for_function(_READY)

    def select_prediction(self) -> None:
        """Show the newest prediction, as a click on its tab does."""
        self.page.wait_for_function("() => Htx.annotationStore.predictions.length > 0")
        self.page.evaluate(
            "() => Htx.annotationStore.selectPrediction(Htx.annotationStore.predictions[0].id)"
        )
        self.page.wait_for_function(_READY)

    def regions(self) -> list[Region]:
        """The regions of what is selected, in the store's order."""
        found: list[dict[str, Any]] = self.page.evaluate(_REGIONS)
        return [Region(r["id"], r["type"], tuple(r["labels"]), r["hidden"]) for r in found]

    def stage(self) -> Locator:
        """The canvas area with image and masks."""
        return self.page.locator(".konvajs-content").first

    def stage_pixels(self) -> NDArray[np.uint8]:
        """A screenshot of the stage (H, W, 3)."""
        with Image.open(io.BytesIO(self.stage().screenshot())) as picture:
            return np.asarray(picture.convert("RGB"))
