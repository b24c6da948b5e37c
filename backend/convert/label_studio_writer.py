"""Tasks for Label Studio's import: `tasks.json` and the configuration that they fit."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from backend.convert.label_studio_tasks import FILE_NAME
from backend.convert.masked_image import LabelledMask, MaskedImage
from backend.painting import DATA_KEY, FROM_NAME, TO_NAME, label_config
from backend.regions.controls.control import new_id
from backend.regions.formats import bitmask, brush, polygon
from zegclip_core.labels import Label

CONFIG_NAME = "label_config.xml"
LOCAL_FILES = "/data/local-files/?d="

Kind = Literal["predictions", "annotations"]
Geometry = Literal["brush", "bitmask", "polygon"]

_TAGS: dict[Geometry, str] = {"brush": "BrushLabels", "bitmask": "BitmaskLabels", "polygon": "PolygonLabels"}


class LabelStudioWriter:
    """Tasks that are written, one after the other, so that they need not fit into memory.

    Args:
        path: the JSON, or a folder for `tasks.json`.
        labels: of the configuration.
        kind: predictions, or annotations that count as made by people.
        geometry: brush and bitmask keep every pixel, polygons are simplified.
        prefix: comes before each file's name in the task's data.
        model_version: what predictions carry.
        tolerance: of polygons, in pixels.

    """

    def __init__(
        self,
        path: Path,
        *,
        labels: Sequence[str],
        kind: Kind,
        geometry: Geometry,
        prefix: str,
        model_version: str,
        tolerance: float,
    ) -> None:
        self._path = path if path.suffix == ".json" else path / FILE_NAME
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._labels = tuple(labels)
        self._kind = kind
        self._geometry = geometry
        self._prefix = prefix
        self._model_version = model_version
        self._encode: Callable[[LabelledMask], list[dict[str, Any]]] = {
            "brush": lambda region: [brush.encode(region.mask)],
            "bitmask": lambda region: [bitmask.encode(region.mask)],
            "polygon": lambda region: list(polygon.encode(region.mask, tolerance=tolerance)),
        }[geometry]
        self._file = self._path.open("w", encoding="utf-8")
        self._file.write("[")
        self._written = 0

    def write(self, image: MaskedImage) -> None:
        """Add a task."""
        made: dict[str, Any] = {"result": list(self._results(image))}
        if self._kind == "predictions":
            made["model_version"] = self._model_version
        task = {"data": {DATA_KEY: self._prefix + image.file}, self._kind: [made]}
        self._file.write(("," if self._written else "") + "\n" + json.dumps(task))
        self._written += 1

    def finish(self) -> None:
        """End the file and write `label_config.xml` beside it."""
        self._file.write("\n]\n")
        self._file.close()
        labels = [Label(name, (name,)) for name in self._labels]
        config = label_config(labels, tag=_TAGS[self._geometry])
        (self._path.parent / CONFIG_NAME).write_text(config + "\n", encoding="utf-8")

    def _results(self, image: MaskedImage) -> Iterator[dict[str, Any]]:
        kind = _TAGS[self._geometry].lower()
        for region in image.regions:
            for geometry in self._encode(region) if region.mask.any() else ():
                yield {
                    "id": new_id(),
                    "from_name": FROM_NAME,
                    "to_name": TO_NAME,
                    "type": kind,
                    "original_width": image.width,
                    "original_height": image.height,
                    "image_rotation": 0,
                    "value": {**geometry, kind: [region.label]},
                }
