"""A smart tool in the browser: one click, one suggestion, accepted."""

import pytest

from backend.label_studio.client import LabelStudioClient
from backend.product import Product
from tests.conftest import CHECKOUT
from tests.e2e.editor import Editor
from tests.label_studio import MakeProject
from tests.photos import small_photos

SCREENSHOT = CHECKOUT / ".artifacts" / "smart-key-point.png"
LABELS = '<Label value="cat" hotkey="7"/><Label value="cup" hotkey="8"/>'
NAMES = "".join(f'<Label value="{name}"/>' for name in ("cat", "cup"))
CONFIG = (
    '<View><Image name="image" value="$image"/>'
    f'<BrushLabels name="brush" toName="image" smart="false">{NAMES}</BrushLabels>'
    f'<KeyPointLabels name="kp" toName="image" smart="true">{LABELS}</KeyPointLabels></View>'
)
# Shares of the photograph: wood, where the words see no cup.
ON_THE_TABLE = (0.9, 0.6)
_SUGGESTIONS = """() => [...Htx.annotationStore.selected.suggestions.values()]
    .map(region => [region.type, ...region.labels])"""
_TOOL = """() => {
    const image = Htx.annotationStore.selected.objects.find(object => object.type === 'image');
    const tool = image.getToolsManager().findSelectedTool();
    return tool.toolName === 'KeyPointTool' && tool.dynamic;
}"""


@pytest.fixture(scope="module")
def task(make_project: MakeProject, client: LabelStudioClient, product: Product) -> tuple[int, int]:
    """A project with one photograph, and the number of its task; the backend answers smart tools."""
    project = make_project(config=CONFIG, photos=small_photos(["coffee.jpg"]))
    client.connect_backend(project, url=product.url, title="ZegCLIP", interactive=True)
    ((task,),) = client.iter_tasks(project)
    return project, task.id


def test_a_click_brings_a_mask_that_can_be_seen_and_accepted(editor: Editor, task: tuple[int, int]) -> None:
    page = editor.page
    editor.open_task(*task)
    page.get_by_text("Auto-Annotation", exact=True).click()
    page.wait_for_function("() => Htx.autoAnnotation")
    page.locator("[class*=tool_smart]").first.click()
    page.wait_for_function(_TOOL)
    page.keyboard.press("8")
    before = editor.stage_pixels()

    box, (left, top, width, height) = editor.stage().bounding_box(), editor.photo_area()
    assert box is not None
    x, y = left + ON_THE_TABLE[0] * width, top + ON_THE_TABLE[1] * height
    page.mouse.click(box["x"] + x, box["y"] + y)
    page.wait_for_function("() => Htx.annotationStore.selected.suggestions.size > 0")

    assert page.evaluate(_SUGGESTIONS) == [["brushregion", "cup"]]
    SCREENSHOT.parent.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOT)
    shown = editor.stage_pixels()
    around = (slice(int(y) - 20, int(y) + 20), slice(int(x) - 20, int(x) + 20))
    changed = (before[around].astype(int) != shown[around].astype(int)).any(axis=-1)
    assert changed.mean() > 0.5, "the suggestion is painted where the click was"

    page.evaluate("() => Htx.annotationStore.selected.acceptAllSuggestions()")
    page.wait_for_function("() => Htx.annotationStore.selected.suggestions.size === 0")
    kinds = {(region.type, region.labels) for region in editor.regions()}
    assert ("brushregion", ("cup",)) in kinds
    assert not any(kind == "keypointregion" for kind, _ in kinds), "the prompt goes with its answer"
