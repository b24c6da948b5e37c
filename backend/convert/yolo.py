"""YOLO's segmentation files: `labels/NAME.txt` with one outline a line, in shares of the image's sides."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from backend.convert.image_folder import ImageFolder, Photographs
from backend.convert.label_list import read_label_list
from backend.convert.masked_image import ConvertError, LabelledMask, Mask, MaskedImage
from backend.regions.formats.polygon import TOLERANCE, outlines
from backend.regions.formats.raster import fill_outline

DESCRIPTION = "data.yaml"
_CLASSES = "classes.txt"
_LABELS, _IMAGES = "labels", "images"
_MOST_POINTS = 5_000
_DIGITS = 6


class Yolo:
    """A YOLO data set that is read.

    Args:
        folder: with `data.yaml` or `classes.txt`, and `labels/`.
        images: the photographs, whose sizes the outlines are shares of; None takes `images/` in the folder.

    """

    def __init__(self, folder: Path, *, images: Photographs | None) -> None:
        self._folder = folder
        self._images: Photographs = images or ImageFolder(folder / _IMAGES)
        self._labels = _read_labels(folder)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes in their order."""
        return self._labels

    @cached_property
    def _files(self) -> dict[str, Path]:
        root = self._folder / _LABELS if (self._folder / _LABELS).is_dir() else self._folder
        files = (path for path in sorted(root.rglob("*.txt")) if path.name != _CLASSES)
        return {path.relative_to(root).with_suffix("").as_posix(): path for path in files}

    def names(self) -> Sequence[str]:
        """Return the names of the images that have outlines."""
        return list(self._files)

    def load(self, name: str) -> MaskedImage:
        """Return one image with a region for each line."""
        size = self._images.size_of(name)
        if size is None:
            raise ConvertError(
                f"no photograph {name}: outlines are shares of its size, so give its folder with --images"
            )
        width, height = size
        lines = self._files[name].read_text(encoding="utf-8").splitlines()
        regions = []
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    regions.append(self._read_line(line, width, height))
                except (ValueError, IndexError) as error:
                    raise ConvertError(f"{self._files[name]}, line {number}: {error}") from error
        return MaskedImage(name, self._images.file_of(name) or name, width, height, tuple(regions))

    def _read_line(self, line: str, width: int, height: int) -> LabelledMask:
        first, *rest = line.split()
        if int(first) < 0:
            raise ValueError(f"there is no class {first}")
        if len(rest) < 6 or len(rest) % 2:
            raise ValueError(f"{len(rest)} numbers are no outline: it takes at least three pairs")
        shares = np.array([float(text) for text in rest]).reshape(-1, 2)
        if not np.isfinite(shares).all() or np.abs(shares).max() > 10:
            raise ValueError("outlines are shares of the image from 0 to 1")
        return LabelledMask(
            self._labels[int(first)],
            fill_outline(shares * (width, height), width=width, height=height),
        )


class YoloWriter:
    """A YOLO data set that is written.

    Args:
        folder: made when missing.
        labels: the classes, numbered from 0.
        tolerance: of outlines, in pixels.

    """

    def __init__(self, folder: Path, *, labels: Sequence[str], tolerance: float = TOLERANCE) -> None:
        self._folder = folder
        self._numbers = {label: number for number, label in enumerate(labels)}
        self._tolerance = tolerance
        (folder / _LABELS).mkdir(parents=True, exist_ok=True)

    def write(self, image: MaskedImage) -> None:
        """Write `labels/NAME.txt`."""
        lines = [
            f"{self._numbers[region.label]} {shares}"
            for region in image.regions
            for shares in self._outlines(region.mask)
        ]
        path = self._folder / _LABELS / f"{image.name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    def finish(self) -> None:
        """Write `data.yaml`."""
        names = {number: label for label, number in self._numbers.items()}
        content = {"path": ".", "train": _IMAGES, "val": _IMAGES, "names": names}
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        (self._folder / DESCRIPTION).write_text(text, encoding="utf-8")

    def _outlines(self, mask: Mask) -> list[str]:
        height, width = mask.shape
        found = outlines(mask, tolerance=self._tolerance, most_points=_MOST_POINTS)
        return [" ".join(f"{share:.{_DIGITS}f}" for share in (o / (width, height)).ravel()) for o in found]


def _read_labels(folder: Path) -> tuple[str, ...]:
    description = folder / DESCRIPTION
    if not description.exists():
        return tuple(label.name for label in read_label_list(folder / _CLASSES))
    try:
        content: Any = yaml.safe_load(description.read_text(encoding="utf-8"))
        names = content["names"]
        if isinstance(names, dict):
            return tuple(str(names[number]) for number in range(len(names)))
        return tuple(map(str, names))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ConvertError(f"{description} has no usable 'names': {error}") from error
