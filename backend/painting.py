"""Paint photographs into files, without any server."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from backend.errors import BackendError
from backend.images.loader import decode_image
from backend.label_studio.control_options import ControlOptions
from backend.label_studio.label_config import Target
from backend.overlays import (
    MOST_LABELS,
    TooManyLabelsError,
    hex_colour,
    overlay_image,
    palette_image,
)
from backend.regions.registry import build_regions
from zegclip_core.errors import ZegCLIPError
from zegclip_core.labels import Label
from zegclip_core.palette import label_colours
from zegclip_core.segmenter import Segmenter

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
FROM_NAME, TO_NAME, DATA_KEY = "label", "image", "image"


class NoImagesError(BackendError):
    """Nothing to paint."""


@dataclass(slots=True)
class PaintingReport:
    """What was written, and what failed.

    Attributes:
        painted: photographs in order.
        regions: regions in all of them.
        failures: photograph and reason.

    """

    painted: list[Path] = field(default_factory=list)
    regions: int = 0
    failures: list[tuple[Path, str]] = field(default_factory=list)


def find_images(places: Sequence[Path]) -> list[Path]:
    """Return the files named, and the images in the folders named, each once and sorted within its folder.

    Raises `NoImagesError` when there is none.
    """
    found: dict[Path, None] = {}
    for place in places:
        if place.is_dir():
            inside = sorted(path for path in place.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
            found.update(dict.fromkeys(inside))
        else:
            found[place] = None
    if not found:
        raise NoImagesError(
            f"no images in {', '.join(map(str, places))}: give photographs or folders of them"
        )
    return list(found)


def label_config(labels: Sequence[Label], *, tag: str = "BrushLabels") -> str:
    """Return a labelling configuration with one control (a brush) for the labels, to make a project with."""
    lines = [
        f'    <Label value={quoteattr(label.name)} background="{hex_colour(colour)}"'
        + (f" prompt={quoteattr('|'.join(label.prompts))}" if label.prompts != (label.name,) else "")
        + "/>"
        for label, colour in zip(labels, label_colours(len(labels)), strict=True)
    ]
    return "\n".join(
        [
            "<View>",
            f'  <Image name="{TO_NAME}" value="${DATA_KEY}" zoom="true"/>',
            f'  <{tag} name="{FROM_NAME}" toName="{TO_NAME}">',
            *lines,
            f"  </{tag}>",
            "</View>",
        ]
    )


def paint_files(
    images: Sequence[Path],
    labels: Sequence[Label],
    *,
    segmenter: Segmenter,
    out: Path,
    max_pixels: int,
    progress: Callable[[Path], object] = lambda _: None,
) -> PaintingReport:
    """Write mask and overlay of every photograph, `predictions.json` and `label_config.xml`.

    A photograph that cannot be painted is reported and the others go on.

    Args:
        images: photographs; two of the same name get different file names.
        labels: what to paint, at most 255 (`TooManyLabelsError`).
        segmenter: the loaded model.
        out: the folder for the files, made when missing.
        max_pixels: larger photographs are refused.
        progress: called after each photograph.

    """
    if len(labels) > MOST_LABELS:
        raise TooManyLabelsError(
            f"{len(labels)} labels do not fit into an 8-bit mask: give at most {MOST_LABELS}"
        )
    out.mkdir(parents=True, exist_ok=True)
    target = Target(FROM_NAME, TO_NAME, "brushlabels", DATA_KEY, tuple(labels), ControlOptions())
    report, tasks = PaintingReport(), list[dict[str, Any]]()
    for path, name in zip(images, _file_names(images), strict=True):
        try:
            tasks.append(_paint_one(path, out / name, target, segmenter, max_pixels))
        except (OSError, BackendError, ZegCLIPError, MemoryError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            report.failures.append((path, reason))
        else:
            report.painted.append(path)
            report.regions += len(tasks[-1]["predictions"][0]["result"])
        progress(path)
    (out / "predictions.json").write_text(json.dumps(tasks) + "\n", encoding="utf-8")
    (out / "label_config.xml").write_text(label_config(labels) + "\n", encoding="utf-8")
    return report


def _paint_one(
    path: Path, stem: Path, target: Target, segmenter: Segmenter, max_pixels: int
) -> dict[str, Any]:
    """Write one photograph's pictures and return its task with a prediction."""
    image = decode_image(path.read_bytes(), max_pixels=max_pixels)
    segmentation = segmenter.segment(image, target.labels)
    names = [label.name for label in target.labels]
    palette_image(segmentation.label_map, count=len(names)).save(stem.parent / f"{stem.name}.mask.png")
    overlay_image(image, segmentation.label_map, names).save(stem.parent / f"{stem.name}.overlay.png")
    prediction = {
        "model_version": segmenter.model_version,
        "score": round(segmentation.certainty, 4),
        "result": build_regions(target, segmentation),
    }
    return {"data": {DATA_KEY: f"/data/local-files/?d={path.name}"}, "predictions": [prediction]}


def _file_names(images: Sequence[Path]) -> Iterator[str]:
    """The photographs' names without suffix, told apart by a number where they repeat."""
    taken: set[str] = set()
    for path in images:
        name, number = path.stem, 1
        while name.lower() in taken:
            number += 1
            name = f"{path.stem}-{number}"
        taken.add(name.lower())
        yield name
