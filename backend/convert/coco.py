"""COCO: one JSON with images, categories and annotations; polygons and run lengths are read."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.convert import coco_rle
from backend.convert.json_files import read_json
from backend.convert.masked_image import ConvertError, LabelledMask, Mask, MaskedImage, read_size
from backend.convert.names import unique_names
from backend.regions.formats.polygon import TOLERANCE, outlines
from backend.regions.formats.raster import fill_outline

FILE_NAME = "annotations.json"
_MOST_POINTS = 5_000
# Far beyond any image, and far from what arithmetic with pixels cannot hold.
_FARTHEST = 1e6


class Coco:
    """A COCO file that is read.

    Args:
        path: the JSON, or a folder with `annotations.json` in it.

    """

    def __init__(self, path: Path) -> None:
        self._path = path / FILE_NAME if path.is_dir() else path
        content = read_json(self._path)
        if not isinstance(content, Mapping) or not isinstance(content.get("images"), list):
            raise ConvertError(f"{self._path} is no COCO file: it has no list of 'images'")
        try:
            self._categories = {one["id"]: str(one["name"]) for one in content.get("categories", ())}
            files = [str(one["file_name"]) for one in content["images"]]
            self._images = dict(zip(unique_names(files), content["images"], strict=True))
            self._annotations: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
            for annotation in content.get("annotations", ()):
                self._annotations[annotation["image_id"]].append(annotation)
        except (KeyError, TypeError) as error:
            raise ConvertError(f"{self._path} is no complete COCO file: {error!r} is missing") from error

    @property
    def labels(self) -> tuple[str, ...]:
        """The categories' names in the file's order."""
        return tuple(dict.fromkeys(self._categories.values()))

    def names(self) -> Sequence[str]:
        """Return the images' names."""
        return list(self._images)

    def load(self, name: str) -> MaskedImage:
        """Return one image with a region for each annotation that has a segmentation."""
        image = self._images[name]
        width, height = read_size(image.get("width"), image.get("height"), where=f"{self._path}, {name}")
        regions = []
        for annotation in self._annotations[image["id"]]:
            try:
                label = self._categories[annotation["category_id"]]
                mask = _decode(annotation.get("segmentation"), width, height)
            except (KeyError, ConvertError) as error:
                raise ConvertError(f"{self._path}, annotation {annotation.get('id')}: {error}") from error
            if mask is not None:
                regions.append(LabelledMask(label, mask))
        return MaskedImage(name, str(image["file_name"]), width, height, tuple(regions))


class CocoWriter:
    """A COCO file that is written.

    Args:
        path: the JSON, or a folder for `annotations.json`.
        labels: become categories, numbered from 1.
        polygons: write outlines; otherwise run lengths, which keep every pixel.
        tolerance: of outlines, in pixels.

    """

    def __init__(
        self, path: Path, *, labels: Sequence[str], polygons: bool = False, tolerance: float = TOLERANCE
    ) -> None:
        self._path = path if path.suffix == ".json" else path / FILE_NAME
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._numbers = {label: number for number, label in enumerate(labels, start=1)}
        self._polygons = polygons
        self._tolerance = tolerance
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def write(self, image: MaskedImage) -> None:
        """Add an image and an annotation for each of its regions."""
        image_id = len(self._images) + 1
        self._images.append(
            {"id": image_id, "file_name": image.file, "width": image.width, "height": image.height}
        )
        for region in image.regions:
            if not region.mask.any():
                continue
            self._annotations.append(
                {
                    "id": len(self._annotations) + 1,
                    "image_id": image_id,
                    "category_id": self._numbers[region.label],
                    "segmentation": self._segmentation(region.mask),
                    "area": int(region.mask.sum()),
                    "bbox": _box(region.mask),
                    "iscrowd": 0,
                }
            )

    def finish(self) -> None:
        """Write the file."""
        categories = [{"id": number, "name": label} for label, number in self._numbers.items()]
        content = {"images": self._images, "annotations": self._annotations, "categories": categories}
        self._path.write_text(json.dumps(content) + "\n", encoding="utf-8")

    def _segmentation(self, mask: Mask) -> Any:
        if not self._polygons:
            return coco_rle.encode(mask)
        return [
            outline.round(2).ravel().tolist()
            for outline in outlines(mask, tolerance=self._tolerance, most_points=_MOST_POINTS)
        ]


def _decode(segmentation: Any, width: int, height: int) -> Mask | None:
    if isinstance(segmentation, dict):
        return coco_rle.decode(segmentation, width=width, height=height)
    if not segmentation:
        return None
    if not isinstance(segmentation, list):
        raise ConvertError("a segmentation is a list of polygons, or run lengths")
    mask = np.zeros((height, width), np.bool_)
    for ring in segmentation:
        mask |= fill_outline(_read_polygon(ring), width=width, height=height)
    return mask


def _read_polygon(ring: Any) -> NDArray[np.float64]:
    """Points (N, 2) in pixels."""
    if not isinstance(ring, list) or len(ring) < 6 or len(ring) % 2:
        raise ConvertError("a polygon needs at least three pairs of numbers")
    if not all(isinstance(number, int | float) and abs(number) <= _FARTHEST for number in ring):
        raise ConvertError("a polygon holds something else than pixels")
    return np.array(ring, np.float64).reshape(-1, 2)


def _box(mask: Mask) -> list[int]:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    left, top = int(columns[0]), int(rows[0])
    return [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1]
