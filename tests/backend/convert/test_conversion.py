"""From every format to every other, with real files."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from label_studio_sdk.label_interface import LabelInterface

from backend.convert.coco import CocoWriter
from backend.convert.conversion import FORMATS, ConvertOptions, Format, convert, open_source
from backend.convert.label_studio_writer import LabelStudioWriter
from backend.convert.masked_image import ConvertError, MaskedImage, Source, Writer, paint
from backend.convert.png_folder import PngFolderWriter
from backend.convert.yolo import YoloWriter
from backend.regions.formats.polygon import MOST_POINTS
from tests.backend.convert.data import LABELS, images, write_photos

EXACT = ("png", "coco", "label-studio")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "photos")


def write(where: Path, form: Format) -> Path:
    writers: dict[str, Any] = {
        "png": lambda: PngFolderWriter(where, labels=LABELS),
        "coco": lambda: CocoWriter(where, labels=LABELS),
        "coco-polygons": lambda: CocoWriter(where, labels=LABELS, polygons=True),
        "yolo": lambda: YoloWriter(where, labels=LABELS),
        "label-studio": lambda: LabelStudioWriter(
            where,
            labels=LABELS,
            kind="annotations",
            geometry="brush",
            prefix="/data/local-files/?d=",
            model_version="1",
            tolerance=1.5,
        ),
    }
    writer: Writer = writers[form]()
    for image in images():
        writer.write(image)
    writer.finish()
    return where


def painted(source: Source) -> list[Any]:
    found = [source.load(name) for name in sorted(source.names())]
    return [paint(image, LABELS) for image in found]


EXPECTED = [paint(image, LABELS) for image in images()]


@pytest.mark.parametrize(("source_format", "target_format"), list(itertools.product(FORMATS, FORMATS)))
def test_every_format_becomes_every_other(
    source_format: Format, target_format: Format, tmp_path: Path, photos: Path
) -> None:
    source, target = write(tmp_path / "source", source_format), tmp_path / "target"
    options = ConvertOptions(images=photos)
    report = convert(source, source_format, target, target_format, options=options)
    assert report.failures == []
    assert report.images == 3
    before = painted(open_source(source, source_format, options))
    after = painted(open_source(target, target_format, options))
    disagreement = sum(int((one != other).sum()) for one, other in zip(before, after, strict=True))
    assert disagreement == report.different
    if target_format in EXACT:
        assert disagreement == 0
    else:
        assert disagreement < 0.03 * sum(map_.size for map_ in before)


@pytest.mark.parametrize("form", EXACT)
def test_exact_formats_keep_every_pixel(form: Format, tmp_path: Path, photos: Path) -> None:
    back = painted(open_source(write(tmp_path / "data", form), form, ConvertOptions(images=photos)))
    for expected, found in zip(EXPECTED, back, strict=True):
        assert np.array_equal(expected, found)


@pytest.mark.parametrize("form", ["coco-polygons", "yolo"])
def test_outlines_leave_holes_empty(form: Format, tmp_path: Path, photos: Path) -> None:
    first, *_ = painted(open_source(write(tmp_path / "data", form), form, ConvertOptions(images=photos)))
    assert first[42, 55] == EXPECTED[0][42, 55] == LABELS.index("road") + 1


class TestLabelStudio:
    def tasks(self, tmp_path: Path, **options: Any) -> tuple[list[dict[str, Any]], str]:
        source, out = write(tmp_path / "source", "coco"), tmp_path / "out"
        report = convert(source, "coco", out, "label-studio", options=ConvertOptions(**options))
        assert report.failures == []
        tasks: list[dict[str, Any]] = json.loads((out / "tasks.json").read_text())
        return tasks, (out / "label_config.xml").read_text()

    @pytest.mark.parametrize("geometry", ["brush", "bitmask", "polygon"])
    @pytest.mark.parametrize("kind", ["predictions", "annotations"])
    def test_tasks_fit_their_configuration(self, tmp_path: Path, geometry: str, kind: str) -> None:
        tasks, config = self.tasks(tmp_path, geometry=geometry, kind=kind)
        assert [task["data"] for task in tasks] == [
            {"image": f"/data/local-files/?d=photo {number}.jpg"} for number in range(3)
        ]
        for task in tasks:
            (made,) = task[kind]
            assert LabelInterface(config).validate_prediction(made, return_errors=True) == []

    def test_predictions_carry_their_version_and_annotations_none(self, tmp_path: Path) -> None:
        predicted, _ = self.tasks(tmp_path, model_version="v7")
        assert {task["predictions"][0]["model_version"] for task in predicted} == {"v7"}

    def test_polygons_have_at_most_as_many_points_as_label_studio_takes(self, tmp_path: Path) -> None:
        tasks, _ = self.tasks(tmp_path, geometry="polygon")
        results = [region for task in tasks for region in task["predictions"][0]["result"]]
        assert max(len(region["value"]["points"]) for region in results) <= MOST_POINTS

    def test_addresses_begin_as_asked(self, tmp_path: Path) -> None:
        tasks, _ = self.tasks(tmp_path, prefix="https://example.com/")
        assert tasks[0]["data"]["image"] == "https://example.com/photo 0.jpg"


class TestFailures:
    def test_one_broken_image_leaves_the_others(self, tmp_path: Path) -> None:
        source = write(tmp_path / "source", "png")
        (source / "photo 1.png").write_bytes(b"no picture")
        report = convert(source, "png", tmp_path / "out", "coco", options=ConvertOptions())
        assert report.images == 2
        ((name, reason),) = report.failures
        assert (name, "no PNG" in reason) == ("photo 1", True)

    @pytest.mark.parametrize("form", FORMATS)
    def test_what_is_missing_or_empty_is_told(self, form: Format, tmp_path: Path) -> None:
        for place in (tmp_path / "nothing", tmp_path):
            with pytest.raises(ConvertError):
                convert(place, form, tmp_path / "out", "coco", options=ConvertOptions())

    def test_a_writer_that_loses_pixels_is_found_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def lossy(self: PngFolderWriter, image: MaskedImage) -> None:
            original(self, MaskedImage(image.name, image.file, image.width, image.height, image.regions[:1]))

        original = PngFolderWriter.write
        monkeypatch.setattr(PngFolderWriter, "write", lossy)
        source = write(tmp_path / "source", "coco")
        report = convert(source, "coco", tmp_path / "out", "png", options=ConvertOptions())
        assert [name for name, _ in report.failures] == ["photo 0", "photo 1"]
        assert "came back different" in report.failures[0][1]

    def test_progress_reaches_its_end(self, tmp_path: Path) -> None:
        seen: list[tuple[int, int]] = []
        convert(
            write(tmp_path / "source", "png"),
            "png",
            tmp_path / "out",
            "coco",
            options=ConvertOptions(),
            progress=lambda done, total: seen.append((done, total)),
        )
        assert seen == [(done, 6) for done in range(1, 7)]
