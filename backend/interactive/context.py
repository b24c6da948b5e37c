"""What a person has pointed at, read from an interactive request in either of its two forms.

The classic form (Label Studio 1.23) sends whole regions; the newer one leaves out names, labels and sizes,
and tells `positive` inside the value. Whatever is missing or cannot be read is left out, never an error.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from backend.regions.decoding import decode_region, geometry_of, merge_split_regions
from backend.regions.errors import RegionError
from backend.regions.formats.fields import read_number

_log = logging.getLogger(__name__)

Kind = Literal["point", "stroke", "outline"]
# Regions of an interactive request that count; a person draws a handful.
MOST_PROMPTS = 500
_POINT_TYPES = frozenset({"keypoint", "keypointlabels"})
_KINDS: dict[str, Kind] = {
    "brush": "stroke",
    "magicwand": "stroke",
    "bitmask": "stroke",
    "rectangle": "outline",
    "ellipse": "outline",
    "polygon": "outline",
}


@dataclass(frozen=True, slots=True)
class PromptRegion:
    """One prompt of a person.

    Attributes:
        region: as the request has it; its pixels are read once the image's size is known.
        kind: a point, a stroke (all of it shows the label), or an outline (the label lies inside).
        labels: the names it carries; empty when it has none.
        from_name: the control it was drawn with; empty when it is not told.
        to_name: the image it was drawn on; empty when it is not told.
        item_index: the image's place in a list of images.
        is_positive: whether it shows the label, or what does not belong to it.

    """

    region: Mapping[str, Any]
    kind: Kind
    labels: tuple[str, ...]
    from_name: str
    to_name: str
    item_index: int | None
    is_positive: bool

    def point(self) -> tuple[float, float]:
        """The place of a point, x and y in fractions; raises `RegionError` when it is no number."""
        value = self.region["value"]
        return read_number(value, "x") / 100, read_number(value, "y") / 100

    def mask(self, *, width: int, height: int) -> NDArray[np.bool_]:
        """The pixels (H, W) of a stroke or an outline; raises `RegionError` when they cannot be read."""
        return decode_region(self.region, width=width, height=height).mask


def read_prompts(context: Mapping[str, Any] | None) -> tuple[PromptRegion, ...]:
    """Return the prompts of an interactive request's context, points first; none for an ordinary request."""
    result = context.get("result") if context else None
    return tuple(_prompts(result[:MOST_PROMPTS])) if isinstance(result, list) else ()


def is_warm_up(context: Mapping[str, Any]) -> bool:
    """Whether a request only says that a person is about to point at something (newer protocol)."""
    return context.get("event") == "prewarm"


def _prompts(result: Sequence[Any]) -> Iterator[PromptRegion]:
    regions = [one for one in result if isinstance(one, Mapping) and isinstance(one.get("value"), Mapping)]
    points = dict[str, PromptRegion]()
    for number, region in enumerate(regions):
        if _is_point(region):
            # The two halves of a split region have one id; either may carry the labels.
            key = str(region.get("id", number))
            found = _prompt(region, "point")
            known = points.get(key)
            points[key] = replace(known, labels=known.labels or found.labels) if known else found
    yield from points.values()
    for region in merge_split_regions(regions):
        geometry = geometry_of(region)
        if geometry is not None:
            yield _prompt(region, _KINDS[geometry])


def _is_point(region: Mapping[str, Any]) -> bool:
    kind = str(region.get("type") or "").lower()
    if kind in _POINT_TYPES:
        return True
    value = region["value"]
    return kind in ("", "labels") and "x" in value and not {"height", "radiusX", "points", "rle"} & {*value}


def _prompt(region: Mapping[str, Any], kind: Kind) -> PromptRegion:
    value = region["value"]
    item_index = region.get("item_index")
    positive = region.get("is_positive", value.get("positive", True))
    return PromptRegion(
        region=region,
        kind=kind,
        labels=_labels(value),
        from_name=_text(region.get("from_name")),
        to_name=_text(region.get("to_name")),
        item_index=item_index if isinstance(item_index, int) else None,
        is_positive=positive is not False and positive != 0,
    )


def _labels(value: Mapping[str, Any]) -> tuple[str, ...]:
    """All names in a value, whatever the tool: `labels`, `keypointlabels`, …"""
    names = [
        name
        for key, found in value.items()
        if str(key).endswith("labels") and isinstance(found, list)
        for name in found
        if isinstance(name, str)
    ]
    return tuple(dict.fromkeys(names))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def readable(
    prompts: Sequence[PromptRegion], *, width: int, height: int
) -> Iterator[tuple[PromptRegion, Any]]:
    """Yield prompts with their place (x, y) or pixels (H, W); those that cannot be read are logged."""
    for prompt in prompts:
        try:
            if prompt.kind == "point":
                yield prompt, prompt.point()
            else:
                yield prompt, prompt.mask(width=width, height=height)
        except RegionError as error:
            _log.warning("a prompt is left out: %s", error)
