"""Miniatures of the official downloads, written the way the originals lie on disk."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

HEIGHT, WIDTH = 12, 16


def write_photograph(path: Path, *, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def blocks(*values: int) -> np.ndarray:
    """A label map of vertical stripes, one per value."""
    columns = np.repeat(np.asarray(values), -(-WIDTH // len(values)))[:WIDTH]
    return np.tile(columns, (HEIGHT, 1))


def write_palette_mask(path: Path, labels: np.ndarray) -> None:
    """A mask as VOC ships them: palette PNG whose colours are not the ids."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(labels.astype(np.uint8)).convert("P")
    image.putdata(labels.astype(np.uint8).ravel().tolist())
    image.putpalette([(7 * i + 31 * channel) % 256 for i in range(256) for channel in range(3)])
    image.save(path)


def write_grey_mask(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels.astype(np.uint8)).save(path)


def write_sbd_mask(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    record = np.empty((1, 1), dtype=[("Segmentation", object), ("CategoriesPresent", object)])
    record[0, 0] = (labels.astype(np.uint8), np.unique(labels))
    savemat(path, {"GTcls": record})


def write_context_mask(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"LabelMap": labels.astype(np.uint16)})


def write_list(path: Path, ids: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{one}\n" for one in ids))
