"""The status page in a browser, with a real queue and a real worker: by mouse, by keyboard, on a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from backend.queueing.connection import open_queue
from backend.queueing.names import INFERENCE
from tests.backend.queueing.jobs import FAIL
from tests.backend.web.bodies import photo_tasks, predict_body, setup_body
from tests.conftest import CHECKOUT
from tests.processes import Installation, WebProcess, short_folder, wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SCREENSHOTS = CHECKOUT / ".artifacts" / "status"
USER, PASSWORD = "anna", "hunter2"
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 375, "height": 700}
REASON = "ValueError: no such label"


@pytest.fixture(scope="module")
def own() -> Iterator[Installation]:
    with short_folder() as folder, Installation(folder) as made:
        yield made


@pytest.fixture(scope="module")
def busy_web(own: Installation) -> WebProcess:
    """A web process that has seen a project, painted it, and knows one failed job."""
    web = own.start_web(BASIC_AUTH_USER=USER, BASIC_AUTH_PASS=PASSWORD)
    own.start_worker()
    auth = (USER, PASSWORD)
    web.post("/setup", setup_body(), auth=auth)
    assert web.post("/predict", predict_body(photo_tasks()), auth=auth).json()["results"][0]["result"]
    open_queue(INFERENCE, own.connection).enqueue(FAIL, "no such label", description="predict 4 tasks")
    wait_until(lambda: failed_jobs(own), "the job has failed")
    wait_until(lambda: labels_are_read(web), "a worker has read the labels")
    return web


def labels_are_read(web: WebProcess) -> bool:
    (project,) = web.get("/status", auth=(USER, PASSWORD)).json()["projects"]
    return project["labels"] is not None


def failed_jobs(own: Installation) -> int:
    return int(open_queue(INFERENCE, own.connection).failed_job_registry.count)


@pytest.fixture(params=[DESK, PHONE], ids=["desk", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, busy_web: WebProcess) -> Iterator[Page]:
    context = browser.new_context(
        viewport=request.param, http_credentials={"username": USER, "password": PASSWORD}
    )
    opened = context.new_page()
    problems: list[str] = []
    opened.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    opened.goto(busy_web.url, wait_until="networkidle")
    yield opened
    context.close()
    assert not problems


def test_it_shows_labels_as_understood_failures_and_pictures(page: Page) -> None:
    expect(page.get_by_role("heading", name="Project 3")).to_be_visible()
    expect(page.get_by_role("row", name="cat cat")).to_be_visible()
    expect(page.get_by_text(REASON).first).to_be_visible()
    picture = page.get_by_role("img", name="of project 3, painted").first
    picture.scroll_into_view_if_needed()
    page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    width = page.evaluate("window.innerWidth")
    page.screenshot(path=SCREENSHOTS / f"{width}.png", full_page=True)


def test_nothing_is_wider_than_the_screen_and_buttons_are_large_enough_for_a_thumb(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    box = page.get_by_role("button", name="Retry").first.bounding_box()
    assert box is not None
    assert box["height"] >= 44


def test_a_failed_job_is_tried_again_by_keyboard_alone(page: Page, own: Installation) -> None:
    before = failed_jobs(own)
    for _ in range(50):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "BUTTON":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    with page.expect_navigation(wait_until="networkidle"):
        page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="ZegCLIP for Label Studio")).to_be_visible()
    # The worker takes it at once, and it fails once more for the same reason.
    wait_until(lambda: failed_jobs(own) == before, "it was tried again")


def test_every_control_and_picture_has_a_name_for_those_who_do_not_see_it(page: Page) -> None:
    for role in ("button", "link", "img"):
        for found in page.get_by_role(role).all():  # type: ignore[arg-type]
            name = found.get_attribute("aria-label") or found.get_attribute("alt") or found.inner_text()
            assert name.strip(), role
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("th:not([scope])").count() == 0
