"""Label Studio's editor in a real browser: pages by address, regions by its store, masks by their pixels."""

import io
from collections.abc import Sequence
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
_AREA = """() => {
    const image = Htx.annotationStore.selected.objects.find(object => object.type === 'image');
    return [image.zoomingPositionX, image.zoomingPositionY,
            image.stageWidth * image.zoomScale, image.stageHeight * image.zoomScale];
}"""
_SETTLED = f"""() => new Promise(done => {{
    const area = {_AREA};
    let last = '', same = 0;
    const look = () => {{
        const now = JSON.stringify(area());
        same = now === last ? same + 1 : 0;
        last = now;
        same >= 30 ? done(true) : requestAnimationFrame(look);
    }};
    look();
}})"""


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

    def wait_for_regions(self) -> None:
        """Wait until what is selected has regions and the stage has its size.

        Label Studio opens a copy of the newest prediction; panels that fill late change the stage once more.
        """
        self.page.wait_for_function("() => Htx.annotationStore.selected.regionStore.regions.length > 0")
        self.page.evaluate(_SETTLED)

    def regions(self) -> list[Region]:
        """The regions of what is selected, in the store's order."""
        found: list[dict[str, Any]] = self.page.evaluate(_REGIONS)
        return [Region(r["id"], r["type"], tuple(r["labels"]), r["hidden"]) for r in found]

    def stage(self) -> Locator:
        """The canvas area with image and masks."""
        return self.page.locator(".konvajs-content").first

    def photo_area(self) -> tuple[float, float, float, float]:
        """Where the photograph lies: left, top, width and height in pixels of the stage; it may overhang."""
        left, top, width, height = self.page.evaluate(_AREA)
        return left, top, width, height

    def stage_pixels(self) -> NDArray[np.uint8]:
        """A screenshot of the stage (H, W, 3)."""
        with Image.open(io.BytesIO(self.stage().screenshot())) as picture:
            return np.asarray(picture.convert("RGB"))

    def hide_regions(self) -> None:
        """Hide every mask, with the eye above the list of regions."""
        self.page.get_by_label("Hide all regions").click()
        self.page.wait_for_function(
            "() => Htx.annotationStore.selected.regionStore.regions.every(region => region.hidden)"
        )

    def select_region(self, label: str) -> str:
        """Choose a region in the list by its label and return its id."""
        self.page.locator("[class*=outliner-item]").get_by_text(label, exact=True).first.click()
        self.page.wait_for_function("() => Htx.annotationStore.selected.selectedRegions.length === 1")
        chosen: str = self.page.evaluate("() => Htx.annotationStore.selected.selectedRegions[0].cleanId")
        return chosen

    def choose_label(self, number: int) -> None:
        """Take the n-th label of the configuration (from 1) for the next region, by its key."""
        self.page.evaluate(_SETTLED)
        self.page.keyboard.press("Escape")
        self.page.keyboard.press(str(number))

    def paint_stroke(self, points: Sequence[tuple[float, float]]) -> None:
        """Draw one stroke with the brush through points, as shares of the photograph's width and height."""
        self.page.get_by_label("brush-tool").click()
        box = self.stage().bounding_box()
        assert box is not None
        left, top, width, height = self.photo_area()
        places = [(box["x"] + left + x * width, box["y"] + top + y * height) for x, y in points]
        self.page.mouse.move(*places[0])
        self.page.mouse.down()
        for place in places[1:]:
            self.page.mouse.move(*place, steps=5)
        self.page.mouse.up()
        self.page.wait_for_function(
            "() => Htx.annotationStore.selected.selectedRegions[0]?.touches.length > 0"
        )

    def submit(self) -> dict[str, Any]:
        """Press Submit and return the annotation that Label Studio stored."""
        with self.page.expect_response(
            lambda reply: "/annotations" in reply.url and reply.request.method == "POST"
        ) as answer:
            self.page.get_by_label("Submit current annotation").click()
        assert answer.value.status == 201, answer.value.text()
        stored: dict[str, Any] = answer.value.json()
        return stored
