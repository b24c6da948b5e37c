"""Photographs into files with the embedded model."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from label_studio_sdk.label_interface import LabelInterface
from PIL import Image

from backend.overlays import TooManyLabelsError
from backend.painting import NoImagesError, find_images, label_config, paint_files
from backend.regions.decoding import label_map_from_result
from zegclip_core.labels import parse_words
from zegclip_core.segmenter import Segmenter

LABELS = parse_words("cat|kitten, cup")


def paint(photos: list[Path], out: Path, segmenter: Segmenter, **more: Any) -> Any:
    return paint_files(photos, LABELS, segmenter=segmenter, out=out, max_pixels=10_000_000, **more)


class TestFinding:
    def test_files_come_first_come_first_served_and_folders_sorted(self, tmp_path: Path) -> None:
        for name in ("b.jpg", "a.PNG", "deep/c.webp", "notes.txt"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()
        found = find_images([tmp_path / "b.jpg", tmp_path])
        assert [path.name for path in found] == ["b.jpg", "a.PNG", "c.webp"]

    def test_nothing_to_paint_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(NoImagesError, match=str(tmp_path)):
            find_images([tmp_path])


class TestConfiguration:
    def test_it_holds_names_colours_and_synonyms(self) -> None:
        interface = LabelInterface(label_config(LABELS))
        attributes = interface.get_control("label").labels_attrs["cat"].attr
        assert attributes["prompt"] == "cat|kitten"
        assert attributes["background"].startswith("#")

    def test_names_of_any_kind_survive(self) -> None:
        labels = parse_words('the "big" one, <a> & b, 🐈')
        names = LabelInterface(label_config(labels)).get_control("label").labels
        assert names == ['the "big" one', "<a> & b", "🐈"]

    def test_another_control_may_be_asked_for(self) -> None:
        assert (
            LabelInterface(label_config(LABELS, tag="PolygonLabels")).get_control("label").tag
            == "PolygonLabels"
        )


@pytest.fixture(scope="module")
def painted(photo_folder: Path, segmenter: Segmenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("painted")
    photos = [photo_folder / name for name in ("chelsea.jpg", "broken.jpg", "coffee.jpg", "missing.jpg")]
    seen: list[Path] = []
    report = paint(photos, out, segmenter, progress=seen.append)
    assert [path.name for path in report.painted] == ["chelsea.jpg", "coffee.jpg"]
    assert [path.name for path, _ in report.failures] == ["broken.jpg", "missing.jpg"]
    assert report.failures[1][1] == "No such file or directory"
    assert seen == photos
    assert report.regions >= 2
    return out


class TestPainting:
    def test_every_photograph_has_its_pictures(self, painted: Path, photo_folder: Path) -> None:
        assert {path.name for path in painted.iterdir()} == {
            "chelsea.mask.png", "chelsea.overlay.png", "coffee.mask.png", "coffee.overlay.png",
            "predictions.json", "label_config.xml",
        }  # fmt: skip
        with (
            Image.open(painted / "chelsea.mask.png") as mask,
            Image.open(photo_folder / "chelsea.jpg") as photo,
        ):
            assert mask.mode == "P"
            assert mask.size == photo.size
            assert set(np.unique(np.asarray(mask))) <= {0, 1, 2}

    def test_predictions_fit_the_configuration_and_the_masks(self, painted: Path) -> None:
        config = (painted / "label_config.xml").read_text()
        tasks = json.loads((painted / "predictions.json").read_text())
        for task, name in zip(tasks, ("chelsea", "coffee"), strict=True):
            (prediction,) = task["predictions"]
            assert LabelInterface(config).validate_prediction(prediction, return_errors=True) == []
            with Image.open(painted / f"{name}.mask.png") as picture:
                mask = np.asarray(picture)
            back = label_map_from_result(
                prediction["result"],
                numbers={"cat": 1, "cup": 2},
                width=mask.shape[1],
                height=mask.shape[0],
            )
            assert np.array_equal(back.label_map, mask)

    def test_photographs_of_the_same_name_get_names_of_their_own(
        self, photo_folder: Path, tmp_path: Path, segmenter: Segmenter
    ) -> None:
        other = tmp_path / "CHELSEA.jpg"
        other.write_bytes((photo_folder / "chelsea.jpg").read_bytes())
        paint([photo_folder / "chelsea.jpg", other], tmp_path / "out", segmenter)
        masks = sorted(path.name for path in (tmp_path / "out").glob("*.mask.png"))
        assert masks == ["CHELSEA-2.mask.png", "chelsea.mask.png"]

    def test_too_many_labels_are_refused_before_anything_is_written(
        self, photo_folder: Path, tmp_path: Path, segmenter: Segmenter
    ) -> None:
        labels = parse_words(",".join(f"label {number}" for number in range(256)))
        with pytest.raises(TooManyLabelsError):
            paint_files(
                [photo_folder / "chelsea.jpg"], labels, segmenter=segmenter, out=tmp_path / "x", max_pixels=1
            )
        assert not (tmp_path / "x").exists()
