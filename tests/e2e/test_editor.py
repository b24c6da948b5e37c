"""What an annotator sees and does: masks on the photograph, a correction with the brush, Submit."""

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.event_log import EventLog
from backend.label_studio.client import LabelStudioClient
from backend.overlays import label_colours
from backend.product import Product
from backend.regions.brush_rle import decode_rle
from tests.e2e.colours import mask_on_stage, share_of_colour
from tests.e2e.editor import Editor
from tests.label_studio import MakeProject
from tests.photos import small_photos
from tests.processes import wait_until

LABELS = ("cat", "cup")
VISIBLE = 128


@pytest.fixture(scope="module")
def project(make_project: MakeProject, product: Product) -> int:
    """A task for each test, with the backend attached, and nothing predicted yet."""
    photos = small_photos(["chelsea.jpg", "coffee.jpg", "chelsea.jpg"])
    return make_project(labels=", ".join(LABELS), photos=photos, backend=product.url)


@pytest.fixture(scope="module")
def tasks(client: LabelStudioClient, project: int) -> list[int]:
    return [task.id for page in client.iter_tasks(project) for task in page]


def mask_of(region: dict) -> NDArray[np.bool_]:
    width, height = region["original_width"], region["original_height"]
    return decode_rle(region["value"]["rle"], width=width, height=height) >= VISIBLE


def predictions_of(client: LabelStudioClient, project: int, task: int) -> list[dict]:
    return [prediction for prediction in client.predictions(project) if prediction["task"] == task]


@pytest.mark.parametrize("number", [0, 1], ids=LABELS)
def test_a_task_opens_with_masks_that_can_be_seen(
    editor: Editor, client: LabelStudioClient, project: int, tasks: list[int], number: int
) -> None:
    editor.open_task(project, tasks[number])
    editor.wait_for_regions()

    (prediction,) = predictions_of(client, project, tasks[number])
    in_store = {(region.id, region.labels) for region in editor.regions()}
    assert in_store == {(r["id"], tuple(r["value"]["brushlabels"])) for r in prediction["result"]}
    masks = {r["value"]["brushlabels"][0]: mask_of(r) for r in prediction["result"]}
    assert 0.05 < masks[LABELS[number]].mean() < 0.95

    area = editor.photo_area()
    shown = editor.stage_pixels()
    editor.hide_regions()
    bare = editor.stage_pixels()
    share = share_of_colour(shown, bare, label_colours(len(LABELS))[number])
    inside = mask_on_stage(masks[LABELS[number]], area, shape=shown.shape)
    outside = mask_on_stage(~np.any(list(masks.values()), axis=0), area, shape=shown.shape)
    assert np.mean(share[inside] > 0.4) > 0.95, "the mask has its label's colour"
    assert np.mean(np.abs(share[outside]) < 0.1) > 0.95, "the rest of the photograph is untouched"


def test_a_correction_with_the_brush_is_submitted_and_recorded(
    editor: Editor, client: LabelStudioClient, product: Product, project: int, tasks: list[int]
) -> None:
    editor.open_task(project, tasks[2])
    editor.wait_for_regions()
    (prediction,) = predictions_of(client, project, tasks[2])
    before = {r["id"]: r for r in prediction["result"]}
    chosen = editor.select_region("cat")

    editor.paint_stroke([(0.84, 0.12), (0.88, 0.2), (0.92, 0.3)])
    submitted = editor.submit()

    assert submitted["parent_prediction"] == prediction["id"]
    corrected = next(r for r in submitted["result"] if r["id"] == chosen)
    assert (corrected["type"], corrected["origin"]) == ("brushlabels", "prediction-changed")
    assert corrected["value"]["brushlabels"] == ["cat"]
    was, now = mask_of(before[chosen]), mask_of(corrected)
    added = now & ~was
    assert added.any(), "the stroke is in the mask"
    rows, columns = np.nonzero(added)
    assert abs(rows.mean() / now.shape[0] - 0.2) < 0.1
    assert abs(columns.mean() / now.shape[1] - 0.88) < 0.1
    assert np.mean(now[was]) > 0.99, "the rest of the mask stays"

    events = EventLog(path=product.settings.data_dir / "events.sqlite3")
    try:
        wanted = ("ANNOTATION_CREATED", f"annotation:{submitted['id']}")
        wait_until(
            lambda: wanted in {(e.action, e.subject) for _, e in events.after(0, project=str(project))},
            "the webhook is recorded",
        )
    finally:
        events.close()
