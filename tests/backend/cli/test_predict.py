import io
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.label_studio.client import LabelStudioClient
from backend.overlays import label_colours
from backend.regions.brush_rle import decode_rle
from tests.backend.cli.running import zegclip
from tests.photos import small_photos

LABELS = "cat|kitten, cup, person"
TURNED_BY_90_DEGREES = 6
ORIENTATION_TAG = 0x0112


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cup, a cat that the camera held sideways, another cat of the same name, and a broken file."""
    folder = tmp_path_factory.mktemp("photos")
    cat, cup = small_photos()
    (folder / "cup.jpg").write_bytes(cup.content)
    (folder / "more").mkdir()
    (folder / "more" / "cat.jpg").write_bytes(cat.content)
    with Image.open(io.BytesIO(cat.content)) as picture:
        exif = Image.Exif()
        exif[ORIENTATION_TAG] = TURNED_BY_90_DEGREES
        picture.rotate(90, expand=True).save(folder / "cat.jpg", exif=exif)
    (folder / "broken.png").write_bytes(b"no image at all")
    return folder


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("out") / "painted"


@pytest.fixture(scope="module")
def done(photos: Path, out: Path) -> "subprocess.CompletedProcess[str]":
    return zegclip(
        "predict", str(photos), "--labels", LABELS, "--out", str(out), "--device", "cpu", "--threads", "1"
    )


def mask(out: Path, name: str) -> np.ndarray:
    with Image.open(out / f"{name}.mask.png") as picture:
        return np.asarray(picture)


def test_one_broken_photo_does_not_stop_the_others(
    done: "subprocess.CompletedProcess[str]", photos: Path
) -> None:
    assert done.returncode == 1
    assert done.stdout.startswith("3 photos painted with ")
    assert f"{photos / 'broken.png'}: these 15 bytes are no image" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_progress_bar_is_shown(done: "subprocess.CompletedProcess[str]") -> None:
    assert "4/4" in done.stderr


@pytest.mark.usefixtures("done")
def test_each_photo_has_its_files_and_names_do_not_collide(out: Path) -> None:
    stems = ("cat", "cat-2", "cup")
    expected = {f"{stem}.{kind}.png" for stem in stems for kind in ("mask", "overlay")}
    assert {path.name for path in out.iterdir()} == expected | {"predictions.json", "label_config.xml"}


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize(("name", "number"), [("cat", 1), ("cat-2", 1), ("cup", 2)])
def test_masks_are_palette_pictures_with_the_labels_numbers(out: Path, name: str, number: int) -> None:
    with Image.open(out / f"{name}.mask.png") as picture:
        assert (picture.format, picture.mode) == ("PNG", "P")
        palette = picture.getpalette()
    assert palette is not None
    colours = [tuple(palette[i : i + 3]) for i in range(0, 12, 3)]
    assert colours == [(0, 0, 0), *label_colours(3)]
    values, counts = np.unique(mask(out, name), return_counts=True)
    assert set(values) <= {0, 1, 2, 3}
    labelled = dict(zip(values.tolist(), counts.tolist(), strict=True))
    labelled.pop(0, None)
    assert max(labelled, key=labelled.__getitem__) == number


@pytest.mark.usefixtures("done")
def test_masks_have_the_displayed_size(out: Path) -> None:
    upright, sideways = mask(out, "cat-2"), mask(out, "cat")
    assert upright.shape[0] < upright.shape[1]
    assert sideways.shape == upright.shape


@pytest.mark.usefixtures("done")
def test_overlays_show_the_photo_its_mask_and_a_legend(out: Path, photos: Path) -> None:
    numbers = mask(out, "cup")
    height, width = numbers.shape
    with Image.open(photos / "cup.jpg") as picture:
        photo = np.asarray(picture.convert("RGB")).astype(int)
    with Image.open(out / "cup.overlay.png") as picture:
        overlay = np.asarray(picture.convert("RGB")).astype(int)
    assert overlay.shape[1] == width
    assert overlay.shape[0] > height, "the legend lies below"
    assert np.array_equal(overlay[:height][numbers == 0], photo[numbers == 0])
    colour = np.array(label_colours(3)[1])
    assert np.abs(overlay[:height][numbers == 2] - (photo[numbers == 2] + colour) / 2).max() <= 1
    assert (overlay[height:] == colour).all(-1).any(), "the legend shows the label's colour"


@pytest.mark.usefixtures("done")
def test_predictions_are_the_masks(out: Path) -> None:
    tasks = json.loads((out / "predictions.json").read_text())
    assert len(tasks) == 3
    by_file = {task["data"]["image"]: task["predictions"][0] for task in tasks}
    prediction = by_file["/data/local-files/?d=cup.jpg"]
    assert prediction["model_version"] == "zegclip-mini@4"
    numbers = mask(out, "cup")
    for region in prediction["result"]:
        number = ["cat", "cup", "person"].index(region["value"]["brushlabels"][0]) + 1
        alpha = decode_rle(region["value"]["rle"], width=numbers.shape[1], height=numbers.shape[0])
        assert np.array_equal(alpha > 0, numbers == number)


@pytest.mark.usefixtures("done")
def test_label_studio_imports_them(out: Path, client: LabelStudioClient) -> None:
    config = (out / "label_config.xml").read_text()
    project = client.create_project(title="imported", label_config=config)
    tasks = json.loads((out / "predictions.json").read_text())
    client.call("POST", f"/api/projects/{project}/import", body=tasks)
    stored = client.predictions(project)
    assert len(stored) == 3
    assert {p["model_version"] for p in stored} == {"zegclip-mini@4"}
    given = sorted(region["id"] for task in tasks for region in task["predictions"][0]["result"])
    assert sorted(region["id"] for p in stored for region in p["result"]) == given


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--labels", " , "], "label"),
        (["--labels", "cat", "--model", "no-such-model"], "no-such-model"),
    ],
    ids=["no labels", "an unknown model"],
)
def test_what_cannot_work_is_told_in_a_line(
    photos: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    done = zegclip("predict", str(photos / "cup.jpg"), "--out", str(tmp_path), "--quiet", *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith("zegclip predict: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
