"""Batches from several data sets: a pure function of seed and step, so that a resumed run sees the same."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.augmentation import distort_colours
from training.dataset_description import DatasetClass, DatasetDescription
from training.dataset_files import read_image, read_mask
from training.label_mapping import IGNORED, NEGATIVE, LabelMapping, map_labels
from training.pretrain.paste import paste
from training.pretrain.settings import TowerSettings
from training.pretrain.stuff import STUFF, seed_stuff
from training.samples import DrawOrder, draw_order
from zegclip_core.encoding import image_pixels, resize_image

_BATCH_STREAM = 3
_CROP_AREA = 256 * 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One data set of a mixture.

    Attributes:
        description: where photographs, masks and words are.
        split: the split that is drawn from.
        weight: how often it is drawn, relative to the others.
        withheld: names of classes whose pixels count nowhere: neither as a word nor as background.

    """

    description: DatasetDescription
    split: str
    weight: float = 1.0
    withheld: tuple[str, ...] = ()

    def mapping(self) -> LabelMapping:
        """Return the words that are trained, and what each mask value becomes."""
        described = dataclasses.replace(self.description, unseen=self.withheld)
        return map_labels(described, "inductive", background="negative")


@dataclass(frozen=True, slots=True)
class Batch:
    """Crops of one data set.

    Attributes:
        images: (B, 3, H, W) uint8.
        targets: (B, H, W) int64: place in `classes`, NEGATIVE for "none of the data set's", IGNORED.
        classes: the data set's own, then those of `STUFF`, which some NEGATIVE pixels were found to be.
        own: how many are the data set's own.

    """

    images: Tensor
    targets: Tensor
    classes: tuple[DatasetClass, ...]
    own: int

    @property
    def own_targets(self) -> Tensor:
        """Targets without what was found by rules: (B, H, W)."""
        return torch.where(self.targets >= self.own, NEGATIVE, self.targets)


class Mixture:
    """Draws batches; each holds crops of one data set, since only its own words compete in it.

    Args:
        sources: the data sets.
        settings: sizes of crops and batches, and the seed.

    """

    def __init__(self, sources: Sequence[Source], *, settings: TowerSettings) -> None:
        self.sources = tuple(sources)
        self.settings = settings
        self.mappings = [one.mapping() for one in sources]
        weights = np.array([one.weight for one in sources], np.float64)
        self._shares = weights / weights.sum()
        self._orders = [
            self._draw_orders(one, mapping) for one, mapping in zip(sources, self.mappings, strict=True)
        ]

    def batch(self, step: int) -> Batch:
        """Return the batch of a 0-based step."""
        generator = np.random.default_rng([self.settings.seed, _BATCH_STREAM, step])
        number = int(generator.choice(len(self.sources), p=self._shares))
        mapping = self.mappings[number]
        height, width = self.settings.crops[int(generator.integers(len(self.settings.crops)))]
        whole = bool(generator.random() < self.settings.whole_share)
        images, targets = [], []
        for place in range(self._count(height, width)):
            # Rare classes come more often in every second crop, and as often as they are in the others.
            order = self._orders[number][place % 2]
            image_id = order.image_id(step * self.settings.batch_size + place)
            image, labels = self._read(number, image_id)
            view, seen = self._view(image, labels, height, width, whole=whole, generator=generator)
            if self.settings.paste_share > 0 and generator.random() < self.settings.paste_share:
                other = self._read(number, self._orders[number][0].image_id(int(generator.integers(2**31))))
                view, seen = paste(view, seen, *other, own=len(mapping.classes), generator=generator)
            images.append(image_pixels(view))
            targets.append(torch.from_numpy(seen.astype(np.int64)))
        classes = (*mapping.classes, *STUFF)
        return Batch(torch.stack(images), torch.stack(targets), classes, len(mapping.classes))

    def _read(self, number: int, image_id: str) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
        """A photograph of a source and its targets, stuff that rules find included."""
        source, mapping = self.sources[number], self.mappings[number]
        image = read_image(source.description, image_id)
        labels = mapping.targets(read_mask(source.description, image_id))
        return image, seed_stuff(image, labels, mapping.classes) if self.settings.stuff else labels

    def _count(self, height: int, width: int) -> int:
        """Crops in a batch: as many pixels whatever the size of the crops, but at least two."""
        fitting = max(2, round(self.settings.batch_size * _CROP_AREA / (height * width)))
        return min(self.settings.batch_size, fitting)

    def _draw_orders(self, source: Source, mapping: LabelMapping) -> tuple[DrawOrder, DrawOrder]:
        uniform = draw_order(
            source.description, source.split, mapping=mapping, sampling="uniform", seed=self.settings.seed
        )
        balanced = draw_order(
            source.description, source.split, mapping=mapping, sampling="balanced", seed=self.settings.seed
        )
        return balanced, uniform

    def _view(
        self,
        image: NDArray[np.uint8],
        labels: NDArray[np.int16],
        height: int,
        width: int,
        *,
        whole: bool,
        generator: np.random.Generator,
    ) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
        """Scale, mirror, colour and crop one photograph and its targets to (height, width)."""
        low, high = self.settings.long_sides
        scale = float(generator.uniform(low, high)) / max(image.shape[:2])
        # A photograph smaller than the crop is enlarged until it covers it.
        scale = max(scale, height / image.shape[0], width / image.shape[1])
        size = (width, height) if whole else _scaled(image.shape[:2], scale, height, width)
        image = resize_image(image, size[1], size[0])
        labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
        if generator.random() < 0.5:
            image, labels = image[:, ::-1], labels[:, ::-1]
        top, left = _corner(labels, height, width, generator)
        window = slice(top, top + height), slice(left, left + width)
        view = distort_colours(np.ascontiguousarray(image[window]), generator)
        return np.ascontiguousarray(view), np.ascontiguousarray(labels[window])


def _scaled(size: tuple[int, ...], scale: float, height: int, width: int) -> tuple[int, int]:
    """Width and height after scaling, at least those of the crop."""
    return max(width, round(size[1] * scale)), max(height, round(size[0] * scale))


def _corner(
    labels: NDArray[np.int16], height: int, width: int, generator: np.random.Generator
) -> tuple[int, int]:
    """Draw a corner whose crop shows something; after ten tries the last one is taken."""
    top = left = 0
    for _ in range(10):
        top = int(generator.integers(labels.shape[0] - height + 1))
        left = int(generator.integers(labels.shape[1] - width + 1))
        inside = labels[top : top + height, left : left + width]
        if (inside >= 0).mean() > 0.02 or (labels != IGNORED).sum() == 0:
            break
    return top, left
