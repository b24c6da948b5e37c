"""Every control in the real editor: what the backend made is in the store and can be seen."""

import numpy as np
import pytest

from backend.label_studio.client import LabelStudioClient
from backend.overlays import hex_colour
from backend.product import Product
from backend.regions.decoding import decode_region, merge_split_regions
from backend.regions.registry import CONTROL_TAGS
from tests.conftest import CHECKOUT
from tests.e2e.colours import mask_on_stage, share_of_colour
from tests.e2e.editor import Editor
from tests.label_studio import MakeProject
from tests.photos import small_photos

COLOUR = (230, 30, 30)
LABEL = f'<Label value="cat" background="{hex_colour(COLOUR)}"/>'
IMAGE = '<Image name="image" value="$image" smoothing="false"/>'
TOOLS = ("Brush", "Bitmask", "Polygon", "Ellipse", "Rectangle")
FOR_REGIONS = [tag for tag, source in CONTROL_TAGS.items() if source.is_for_regions]
# What shows a choice as made.
CHOSEN = {"Choices": "label:has(input:checked) >> text=cat", "Taxonomy": "text=/^cat$/ >> visible=true"}
SCREENSHOTS = CHECKOUT / ".artifacts" / "controls"


def test_every_control_is_covered_here() -> None:
    assert {*FOR_REGIONS, *CHOSEN} == set(CONTROL_TAGS)


def config_of(tag: str) -> str:
    if tag in TOOLS:
        control = (
            f'<Labels name="labels" toName="image">{LABEL}</Labels><{tag} name="control" toName="image"/>'
        )
    else:
        inner = LABEL if tag.endswith("Labels") else LABEL.replace("Label", "Choice")
        control = f'<{tag} name="control" toName="image">{inner}</{tag}>'
    return f"<View>{IMAGE}{control}</View>"


def open_predicted(
    tag: str, editor: Editor, client: LabelStudioClient, product: Product, make_project: MakeProject
) -> list[dict]:
    """Open a cat's photograph in a project of its own, and return what the backend predicted."""
    project = make_project(config=config_of(tag), photos=small_photos(["chelsea.jpg"]), backend=product.url)
    (task,) = [task.id for page in client.iter_tasks(project) for task in page]
    editor.open_task(project, task)
    (prediction,) = client.predictions(project)
    return prediction["result"]


def keep_screenshot(editor: Editor, tag: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    editor.page.screenshot(path=SCREENSHOTS / f"{tag}.png")


@pytest.mark.parametrize("tag", FOR_REGIONS)
def test_regions_are_in_the_store_and_can_be_seen(
    tag: str, editor: Editor, client: LabelStudioClient, product: Product, make_project: MakeProject
) -> None:
    result = open_predicted(tag, editor, client, product, make_project)
    editor.wait_for_regions()
    predicted = list(merge_split_regions(result))
    assert {region.id for region in editor.regions()} == {region["id"] for region in predicted}
    assert {region.labels for region in editor.regions()} == {("cat",)}

    area = editor.photo_area()
    shown = editor.stage_pixels()
    keep_screenshot(editor, tag)
    editor.hide_regions()
    bare = editor.stage_pixels()
    mask = np.any(
        [
            decode_region(region, width=region["original_width"], height=region["original_height"]).mask
            for region in predicted
        ],
        axis=0,
    )
    share = share_of_colour(shown, bare, COLOUR)
    inside = mask_on_stage(mask, area, shape=shown.shape)
    outside = mask_on_stage(~mask, area, shape=shown.shape)
    # Outlines are filled more lightly than masks, and their lines reach a little beyond them.
    assert np.mean(share[inside] > 0.15) > 0.9, "the region has its label's colour"
    assert np.mean(np.abs(share[outside]) < 0.1) > 0.85, "the rest of the photograph is untouched"


@pytest.mark.parametrize("tag", CHOSEN)
def test_what_is_present_is_chosen(
    tag: str, editor: Editor, client: LabelStudioClient, product: Product, make_project: MakeProject
) -> None:
    (result,) = open_predicted(tag, editor, client, product, make_project)
    editor.page.wait_for_function("() => Htx.annotationStore.selected.serializeAnnotation().length > 0")
    (shown,) = editor.page.evaluate("() => Htx.annotationStore.selected.serializeAnnotation()")
    assert (shown["id"], shown["type"], shown["value"]) == (result["id"], tag.lower(), result["value"])
    editor.page.locator(CHOSEN[tag]).first.wait_for()
    keep_screenshot(editor, tag)
