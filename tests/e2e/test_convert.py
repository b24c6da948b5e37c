"""Masks into a real Label Studio and out again: import, export, the same pixels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backend.convert.conversion import ConvertOptions, convert, open_source
from backend.convert.masked_image import paint
from backend.label_studio.client import LabelStudioClient
from tests.backend.convert.data import LABELS, images, write_photos
from tests.backend.convert.test_conversion import write


@pytest.mark.parametrize("geometry", ["brush", "bitmask"])
@pytest.mark.parametrize("kind", ["annotations", "predictions"])
def test_imported_masks_are_exported_pixel_by_pixel(
    geometry: Any, kind: Any, client: LabelStudioClient, tmp_path: Path
) -> None:
    photos = write_photos(tmp_path / "photos")
    options = ConvertOptions(kind=kind, geometry=geometry, images=photos)
    report = convert(
        write(tmp_path / "coco", "coco"), "coco", tmp_path / "in", "label-studio", options=options
    )
    assert report.failures == []
    config = (tmp_path / "in" / "label_config.xml").read_text()
    tasks = json.loads((tmp_path / "in" / "tasks.json").read_text())

    project = client.create_project(title=f"convert {geometry} {kind}", label_config=config)
    imported = client.call("POST", f"/api/projects/{project}/import", body=tasks)
    assert imported["task_count"] == len(tasks)
    query = {"exportType": "JSON", "download_all_tasks": "true"}
    exported = client.call("GET", f"/api/projects/{project}/export", query=query)
    (tmp_path / "export.json").write_text(json.dumps(exported))
    if kind == "predictions":
        # Exports tell predictions by number only; the API tells their regions.
        found = client.predictions(project)
        for task in exported:
            task["predictions"] = [one for one in found if one["task"] == task["id"]]
        (tmp_path / "export.json").write_text(json.dumps(exported))

    source = open_source(tmp_path / "export.json", "label-studio", options)
    for image in images():
        assert np.array_equal(paint(source.load(image.name), LABELS), paint(image, LABELS))
