"""A small data set that every format must keep: holes, overlaps, parts, thin lines, and an empty image."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from backend.convert.masked_image import LabelledMask, MaskedImage
from tests.backend.regions.masks import blobs, disk, ring

LABELS = ("car", "road", "night sky")
HEIGHT, WIDTH = 80, 120


def _line() -> LabelledMask:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[20, 5:110] = True
    return LabelledMask("night sky", mask)


def images() -> list[MaskedImage]:
    """Return the data set."""
    road = LabelledMask("road", np.tri(HEIGHT, WIDTH, 20, dtype=np.bool_))
    holed = LabelledMask("car", ring(HEIGHT, WIDTH))
    parts = LabelledMask("car", blobs(4, height=HEIGHT, width=WIDTH, smoothness=5))
    dot = LabelledMask("road", disk(HEIGHT, WIDTH, x=60, y=40, radius=3))
    regions: Sequence[tuple[LabelledMask, ...]] = ((road, holed), (parts, dot, _line()), ())
    return [
        MaskedImage(f"photo {number}", f"photo {number}.jpg", WIDTH, HEIGHT, found)
        for number, found in enumerate(regions)
    ]


def write_photos(folder: Path) -> Path:
    """Write the photographs of the data set."""
    folder.mkdir(parents=True, exist_ok=True)
    for image in images():
        Image.new("RGB", (image.width, image.height), "gray").save(folder / image.file)
    return folder
