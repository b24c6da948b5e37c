"""Photographs for the demo: the user's own, or real ones that travel inside ordinary packages."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from backend.errors import BackendError
from backend.painting import NoImagesError, find_images

SAMPLE_LABELS = (
    "cat, person|astronaut, cup|coffee cup, spoon, motorcycle, building|pagoda|temple, flower|dahlia, rocket"
)
_JPEG_QUALITY = 92


class NoSamplesError(BackendError):
    """The packages that carry the sample photographs are not installed."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One photograph as a file.

    Attributes:
        name: file name.
        content: the file's bytes.

    """

    name: str
    content: bytes


def own_photos(places: Sequence[Path]) -> list[Photo]:
    """Read the user's photographs; raises `NoImagesError` when there is none, or one that cannot be read."""
    try:
        return [Photo(path.name, path.read_bytes()) for path in find_images(places)]
    except OSError as error:
        raise NoImagesError(
            f"cannot read {error.filename} ({error.strerror}): give IMAGES=a folder of photographs"
        ) from error


def sample_photos() -> list[Photo]:
    """Return the sample photographs; raises `NoSamplesError` without the `demo` extra."""
    try:
        return [Photo(f"{name}.jpg", _as_jpeg(read())) for name, read in _samples()]
    except ImportError as error:
        raise NoSamplesError(
            f"the sample photographs come with scikit-image and scikit-learn ({error.name} is missing): "
            "pip install 'zegclip-label-studio[demo]', or give photos of your own with IMAGES=folder"
        ) from error


def _samples() -> Iterator[tuple[str, Callable[[], Any]]]:
    from skimage import data
    from sklearn.datasets import load_sample_image

    yield "chelsea", data.chelsea
    yield "astronaut", data.astronaut
    yield "coffee", data.coffee
    yield "motorcycle", lambda: data.stereo_motorcycle()[0]
    yield "china", lambda: load_sample_image("china.jpg")
    yield "flower", lambda: load_sample_image("flower.jpg")
    yield "rocket", data.rocket


def _as_jpeg(pixels: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()
