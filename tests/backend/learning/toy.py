"""Pictures of two textures that only corrections can name, and an annotator who knows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.demo.photos import Photo
from benchmarks.annotator import painted_region

SIDE = 192
LABELS = ("zorb", "quilm")
CONFIG = """<View><Image name="image" value="$image"/><BrushLabels name="label" toName="image">
<Label value="zorb"/><Label value="quilm"/></BrushLabels></View>"""


@dataclass(frozen=True, slots=True)
class ToyPicture:
    """A picture and what is where: 1 = striped, 2 = dotted, everywhere."""

    photo: Photo
    truth: NDArray[np.uint8]


def toy_pictures(count: int) -> list[ToyPicture]:
    return [_picture(number) for number in range(count)]


def _picture(number: int) -> ToyPicture:
    generator = np.random.default_rng(number)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    cut = int(generator.integers(SIDE // 3, 2 * SIDE // 3))
    first = (columns < cut) if number % 2 else (rows < cut)
    stripes = np.where((rows // 8) % 2, 230, 40)
    dots = np.where(((rows % 16) - 8) ** 2 + ((columns % 16) - 8) ** 2 < 25, 20, 160)
    image = np.stack([np.where(first, stripes, 30), np.where(first, 60, dots), np.where(first, 40, 200)], -1)
    noisy = np.clip(image + generator.normal(0, 8, image.shape), 0, 255).astype(np.uint8)
    content = bytes(cv2.imencode(".png", noisy[:, :, ::-1])[1].tobytes())
    return ToyPicture(Photo(f"toy-{number:02d}.png", content), np.where(first, 1, 2).astype(np.uint8))


def correction(truth: NDArray[np.uint8], labels: Sequence[str] = LABELS) -> list[dict[str, Any]]:
    """Return the annotation of somebody who paints everything right."""
    return [
        painted_region(label, truth == number)
        for number, label in enumerate(labels, start=1)
        if (truth == number).any()
    ]
