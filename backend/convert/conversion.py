"""From any format to any other, with a check of every image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from backend.convert.coco import Coco, CocoWriter
from backend.convert.image_folder import ImageFolder, Photographs, SizesOf
from backend.convert.label_list import ListedLabel
from backend.convert.label_studio_tasks import LabelStudioTasks
from backend.convert.label_studio_writer import LOCAL_FILES, Geometry, Kind, LabelStudioWriter
from backend.convert.masked_image import ConvertError, Source, Writer
from backend.convert.png_folder import PngFolder, PngFolderWriter
from backend.convert.self_check import compare
from backend.convert.yolo import Yolo, YoloWriter
from backend.regions.formats.polygon import TOLERANCE

Format = Literal["png", "coco", "coco-polygons", "yolo", "label-studio"]
FORMATS: tuple[Format, ...] = ("png", "coco", "coco-polygons", "yolo", "label-studio")

# Polygons of Label Studio may be drawn coarser to stay below its number of points; pixels are whole.
_COARSEST = 4
_PIXEL = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertOptions:
    """How to read and write.

    Attributes:
        images: the folder of the photographs.
        labels: of a folder of PNG; None reads its `labels.txt`.
        kind: what tasks of Label Studio hold.
        geometry: how they hold masks.
        prefix: comes before each file's name in their data.
        model_version: what their predictions carry.
        tolerance: of outlines, in pixels.

    """

    images: Path | None = None
    labels: Sequence[ListedLabel] | None = None
    kind: Kind = "predictions"
    geometry: Geometry = "brush"
    prefix: str = LOCAL_FILES
    model_version: str = "imported"
    tolerance: float = TOLERANCE


@dataclass(slots=True)
class ConvertReport:
    """What was done.

    Attributes:
        images: images written.
        regions: regions in them.
        different: pixels that came back different, all within the tolerance of outlines.
        pixels: pixels compared.
        failures: images that could not be read, or did not come back, and why.

    """

    images: int = 0
    regions: int = 0
    different: int = 0
    pixels: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


def convert(
    source: Path,
    source_format: Format,
    target: Path,
    target_format: Format,
    *,
    options: ConvertOptions,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> ConvertReport:
    """Read a data set, write it in another format, and decode what was written to compare it.

    An image that cannot be read is reported and the others go on.

    Args:
        source: a file or a folder, as its format has it.
        source_format: of the source.
        target: a file or a folder; made when missing.
        target_format: of the target.
        options: how to read and write.
        progress: called with the images done and their number, for writing and for checking.

    Raises `ConvertError` when the source as a whole cannot be read, or has no images.

    """
    opened = open_source(source, source_format, options)
    names = opened.names()
    if not names:
        raise ConvertError(f"{source} has no images in the format {source_format}")
    report, written = ConvertReport(), list[str]()
    writer = _open_writer(target, target_format, opened.labels, options)
    for done, name in enumerate(names, start=1):
        try:
            image = opened.load(name)
            writer.write(image)
        except ConvertError as error:
            report.failures.append((name, str(error)))
        else:
            written.append(name)
            report.images += 1
            report.regions += len(image.regions)
        progress(done, 2 * len(names))
    writer.finish()
    _check(opened, written, target, target_format, options, report, progress)
    return report


def open_source(
    path: Path, source_format: Format, options: ConvertOptions, images: Photographs | None = None
) -> Source:
    """Open a data set; raises `ConvertError` when it is not what its format says."""
    if not path.exists():
        raise ConvertError(f"{path} does not exist")
    photographs: Photographs = images or ImageFolder(options.images)
    if source_format == "png":
        return PngFolder(path, images=photographs, labels=options.labels)
    if source_format == "yolo":
        return Yolo(path, images=photographs if images or options.images else None)
    if source_format == "label-studio":
        return LabelStudioTasks(path, images=photographs)
    return Coco(path)


def _open_writer(path: Path, target_format: Format, labels: Sequence[str], options: ConvertOptions) -> Writer:
    if target_format == "png":
        return PngFolderWriter(path, labels=labels)
    if target_format == "yolo":
        return YoloWriter(path, labels=labels, tolerance=options.tolerance)
    if target_format == "label-studio":
        return LabelStudioWriter(
            path,
            labels=labels,
            kind=options.kind,
            geometry=options.geometry,
            prefix=options.prefix,
            model_version=options.model_version,
            tolerance=options.tolerance,
        )
    is_polygons = target_format == "coco-polygons"
    return CocoWriter(path, labels=labels, polygons=is_polygons, tolerance=options.tolerance)


def _allowed_distance(target_format: Format, options: ConvertOptions) -> float:
    """How far from an edge a pixel may differ after a conversion; 0 for formats that keep every pixel."""
    if target_format in ("yolo", "coco-polygons"):
        return options.tolerance + _PIXEL
    if target_format == "label-studio" and options.geometry == "polygon":
        return _COARSEST * options.tolerance + _PIXEL
    return 0.0


def _check(
    source: Source,
    names: Sequence[str],
    target: Path,
    target_format: Format,
    options: ConvertOptions,
    report: ConvertReport,
    progress: Callable[[int, int], object],
) -> None:
    plain = ConvertOptions()
    written = open_source(target, target_format, plain, images=SizesOf(source))
    allowed = _allowed_distance(target_format, options)
    for done, (name, back) in enumerate(zip(names, _in_order(written, names), strict=True), start=1):
        before = source.load(name)
        difference = compare(before, written.load(back), source.labels)
        report.different += difference.different
        report.pixels += before.width * before.height
        if difference.farthest > allowed:
            report.failures.append((name, f"{difference} is more than the {allowed} allowed"))
        progress(len(names) + done, 2 * len(names))


def _in_order(written: Source, names: Sequence[str]) -> Sequence[str]:
    """Names of the written images in the order in which they were written."""
    known = written.names()
    return names if set(names) == set(known) else known
