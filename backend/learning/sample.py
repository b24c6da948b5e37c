"""One corrected image, by names and digests."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from backend.learning.annotations import PixelChanges, RegionChanges


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One corrected image of a task.

    Attributes:
        task: the task's number.
        to_name: which of the task's images it is, by its name in the labelling configuration.
        item: which of a list of images (`valueList`); None for a single image.
        image: digest of the image file in the store.
        mask: digest of the label map (PNG, 0 = unlabelled, n = the n-th of `labels`).
        labels: what the values of the masks mean; names, since indices change with the configuration.
        width, height: of image and masks in pixels.
        annotations: numbers of the annotations it was made from.
        lead_time: seconds the annotators worked on it, None where Label Studio does not tell.
        updated_at: when the newest of the annotations changed, as Label Studio writes it.
        model_version: of the prediction that was corrected; None when there was none.
        predicted_mask: digest of that prediction's label map.
        regions: what became of its regions.
        pixels: what became of its pixels.

    """

    task: int
    to_name: str
    item: int | None
    image: str
    mask: str
    labels: tuple[str, ...]
    width: int
    height: int
    annotations: tuple[int, ...]
    lead_time: float | None
    updated_at: str
    model_version: str | None = None
    predicted_mask: str | None = None
    regions: RegionChanges | None = None
    pixels: PixelChanges | None = None

    @property
    def name(self) -> str:
        """The sample's name: one for each image of a task, the same at every ingest."""
        return f"{self.task}-{self.to_name}" + ("" if self.item is None else f"-{self.item}")

    def to_document(self) -> dict[str, Any]:
        """Return the sample as JSON."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_document` returned."""
        regions, pixels = document["regions"], document["pixels"]
        if pixels is not None:
            overlaps = {name: (one[0], one[1]) for name, one in pixels["overlaps"].items()}
            pixels = PixelChanges(pixels["total"], pixels["changed"], overlaps)
        return cls(
            **{
                **document,
                "labels": tuple(document["labels"]),
                "annotations": tuple(document["annotations"]),
                "regions": RegionChanges(**regions) if regions is not None else None,
                "pixels": pixels,
            }
        )
