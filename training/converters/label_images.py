"""Masks of the downloads: read ids without colour conversion, survey them, write them as one-channel PNG."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from training.errors import MaskContentError, MissingExtraError, UnknownMaskIdsError

IGNORE = 255
SURVEYED = 200

Labels: TypeAlias = NDArray[np.integer]
ReadLabels: TypeAlias = Callable[[Path], Labels]


def read_png(path: Path) -> Labels:
    """Read the ids of a grey or palette PNG, (H, W), without turning palette entries into colours.

    Raises `MaskContentError` for a picture with colour channels: its values are not class ids.
    """
    with Image.open(path) as image:
        if image.mode not in {"P", "L", "I;16", "I", "1"}:
            raise MaskContentError(
                f"{path} is a {image.mode} picture of colours, not of class ids: use the official "
                "palette PNG (one channel), not a copy that an image viewer or cv2.imwrite saved again"
            )
        return np.asarray(image)


def read_mat(path: Path, *keys: str) -> Labels:
    """Read a label map from a MATLAB file, following `keys` into its structs.

    Raises `MissingExtraError` when SciPy is not installed.
    """
    try:
        from scipy.io import loadmat
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{path} is a MATLAB file and SciPy reads those: pip install 'zegclip-label-studio[datasets]'"
        ) from error
    value = loadmat(path, mat_dtype=False)[keys[0]]
    for key in keys[1:]:
        value = value[key][0, 0]
    return np.asarray(value)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a sample of masks contains.

    Attributes:
        pixels: number of pixels per id, (65536,).
        files: number of masks that were read.

    """

    pixels: NDArray[np.int64]
    files: int

    @property
    def ids(self) -> set[int]:
        """The ids that occur, `IGNORE` excepted."""
        return {int(value) for value in np.flatnonzero(self.pixels)} - {IGNORE}

    @property
    def ignored_share(self) -> float:
        """Share of pixels that carry `IGNORE`, 0..1."""
        return float(self.pixels[IGNORE] / max(self.pixels.sum(), 1))


def survey_masks(paths: Sequence[Path], read: ReadLabels) -> Survey:
    """Count the ids of up to 200 masks, evenly spread over `paths`."""
    step = max(1, len(paths) // SURVEYED)
    pixels = np.zeros(1 << 16, dtype=np.int64)
    chosen = list(islice(paths, 0, None, step))
    for path in chosen:
        pixels += np.bincount(read(path).astype(np.int64).ravel(), minlength=1 << 16)
    return Survey(pixels=pixels, files=len(chosen))


@dataclass(frozen=True, slots=True)
class MaskJob:
    """One mask to convert: where it is, how it is read, where the label PNG goes."""

    source: Path
    target: Path
    read: ReadLabels


def convert_masks(
    jobs: Iterable[MaskJob], table: NDArray[np.int64], *, cure: str, show_progress: bool
) -> None:
    """Write every mask through the look-up `table` (index = source id, -1 = not allowed) as 8-bit PNG.

    Raises `UnknownMaskIdsError` naming the file, its unexpected ids and `cure`.
    """

    def convert(job: MaskJob) -> None:
        labels = job.read(job.source).astype(np.int64)
        clipped = np.clip(labels, 0, len(table) - 1)
        mapped = np.where(labels == clipped, table[clipped], -1)
        if (mapped < 0).any():
            unknown = sorted({int(value) for value in labels[mapped < 0]})
            raise UnknownMaskIdsError(f"{job.source} has ids {unknown[:10]} that no class owns: {cure}")
        write_label_png(job.target, mapped.astype(np.uint8))

    listed = list(jobs)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        done = pool.map(convert, listed)
        for _ in tqdm(done, total=len(listed), desc="masks", unit="file", disable=not show_progress):
            pass


def write_label_png(path: Path, labels: NDArray[np.uint8]) -> None:
    """Write a label map (H, W) as one-channel PNG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    Image.fromarray(labels).save(partial, format="PNG")
    partial.replace(path)
