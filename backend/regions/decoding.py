"""Regions of any kind to masks, and results of annotations to label maps."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.regions.errors import RegionError
from backend.regions.formats import bitmask, brush, ellipse, polygon, rectangle
from backend.regions.formats.fields import read_size

Decode = Callable[..., NDArray[np.bool_]]

# By the type of a region, and the field that tells the geometry of a `labels` region of the split form.
_DECODERS: dict[str, Decode] = {
    "brush": brush.decode,
    "magicwand": brush.decode,
    "bitmask": bitmask.decode,
    "polygon": polygon.decode,
    "rectangle": rectangle.decode,
    "ellipse": ellipse.decode,
}
_TELLING_FIELDS = (
    ("rle", "brush"),
    ("imageDataURL", "bitmask"),
    ("points", "polygon"),
    ("radiusX", "ellipse"),
    ("height", "rectangle"),
)
_LABELS = "labels"
_MOST_PIXELS = 200_000_000


@dataclass(frozen=True, slots=True)
class DecodedRegion:
    """One region as pixels.

    Attributes:
        labels: the names it carries; empty for a region without a label.
        mask: (H, W), True where the region is (for brushes and bitmasks: alpha at least 128).
        geometry: brush, magicwand, bitmask, polygon, rectangle or ellipse.
        resized: whether the region was made at another size than the image's, and its mask was scaled.

    """

    labels: tuple[str, ...]
    mask: NDArray[np.bool_]
    geometry: str
    resized: bool


@dataclass(frozen=True, slots=True)
class PaintedResult:
    """A result as a label map.

    Attributes:
        label_map: (H, W) uint16; 0 = nothing, otherwise the number of the label.
        regions: how many regions were painted.
        problems: what could not be painted, or not as it is, in words.

    """

    label_map: NDArray[np.uint16]
    regions: int
    problems: tuple[str, ...] = field(default=())


def geometry_of(region: Mapping[str, Any]) -> str | None:
    """Return the kind of a region's pixels, such as `brush`, or None for a result without any."""
    kind = str(region.get("type") or "").lower()
    if kind == _LABELS:
        value = region.get("value")
        names = value if isinstance(value, Mapping) else {}
        return next((geometry for key, geometry in _TELLING_FIELDS if key in names), None)
    geometry = kind.removesuffix(_LABELS)
    return geometry if geometry in _DECODERS else None


def labels_of(region: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the labels that a region's value carries itself, whatever its kind."""
    value = region.get("value")
    kind = str(region.get("type") or "").lower()
    names = value.get(kind, value.get(_LABELS)) if isinstance(value, Mapping) else None
    if not kind.endswith(_LABELS) or not isinstance(names, list):
        return ()
    return tuple(name for name in names if isinstance(name, str))


def decode_region(region: Mapping[str, Any], *, width: int, height: int) -> DecodedRegion:
    """Decode one region of an annotation, a prediction or an interactive request.

    Args:
        region: in Label Studio's form; of the split form, either of the two results.
        width: of the image as displayed, in pixels.
        height: of the image as displayed, in pixels.

    Raises `RegionError` for a result without pixels, and for damaged or hostile regions, before anything of
    the size that they claim is allocated.

    """
    geometry = geometry_of(region)
    if geometry is None:
        raise RegionError(f"a result of type {str(region.get('type'))[:40]!r} has no pixels")
    value = region.get("value")
    if not isinstance(value, Mapping):
        raise RegionError(f"a {geometry} region has no 'value'")
    made_for = read_size(region, width=width, height=height, most_pixels=_MOST_PIXELS)
    resized = made_for != (width, height)
    if geometry in ("polygon", "rectangle", "ellipse"):
        # Percentages: they fit an image of any size.
        mask = _DECODERS[geometry](value, width=width, height=height)
        return DecodedRegion(labels_of(region), mask, geometry, resized=False)
    mask = _DECODERS[geometry](value, width=made_for[0], height=made_for[1])
    if resized:
        scaled = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
        mask = scaled.astype(np.bool_)
    return DecodedRegion(labels_of(region), mask, geometry, resized=resized)


def merge_split_regions(result: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a result's regions that have pixels, in order; the two halves of a split region become one.

    The half with the geometry (`brush`, `polygon`, …) takes the labels of the `labels` half with its id.
    Everything else in a result (relations, choices, texts, what is no object) is left out.
    """
    regions = [region for region in result if isinstance(region, Mapping)]
    labels = {_id(region): labels_of(region) for region in regions if region.get("type") == _LABELS}
    geometries = {_id(region) for region in regions if region.get("type") != _LABELS and geometry_of(region)}
    for region in regions:
        geometry = geometry_of(region)
        if geometry is None or not isinstance(region.get("value"), Mapping):
            continue
        is_label_half = region.get("type") == _LABELS
        if is_label_half and _id(region) in geometries:
            continue
        if is_label_half or labels_of(region) or _id(region) not in labels:
            yield region
        else:
            kind = geometry + _LABELS
            yield {**region, "type": kind, "value": {**region["value"], kind: list(labels[_id(region)])}}


def _id(region: Mapping[str, Any]) -> str:
    return str(region.get("id"))


def label_map_from_result(
    result: Sequence[Any],
    *,
    numbers: Mapping[str, int],
    width: int,
    height: int,
    to_name: str | None = None,
    item_index: int | None = None,
) -> PaintedResult:
    """Paint a result's regions over each other in their order: the later one wins.

    Args:
        result: an annotation's or prediction's `result`.
        numbers: what each label paints, 1 to 65535, by the name that results carry.
        width: of the image as displayed, in pixels.
        height: of the image as displayed, in pixels.
        to_name: paint only regions of this object of the labelling configuration.
        item_index: paint only regions of this image of a `valueList`.

    A region that cannot be read, or has no label among `numbers`, paints nothing and is told in `problems`.

    """
    label_map = np.zeros((height, width), np.uint16)
    problems, painted = [], 0
    for region in merge_split_regions(result):
        if to_name is not None and region.get("to_name") != to_name:
            continue
        if item_index is not None and region.get("item_index", 0) != item_index:
            continue
        name = str(region.get("id"))[:40]
        known = [label for label in labels_of(region) if label in numbers]
        if not known:
            shown = ", ".join(map(repr, labels_of(region))) or "none"
            problems.append(f"region {name}: no known label (it has: {shown})")
            continue
        try:
            decoded = decode_region(region, width=width, height=height)
        except RegionError as error:
            problems.append(f"region {name}: {error}")
            continue
        if decoded.resized:
            problems.append(
                f"region {name}: made at another size than the image's {width} x {height}; scaled"
            )
        label_map[decoded.mask] = numbers[known[0]]
        painted += 1
    return PaintedResult(label_map, painted, tuple(problems))
