"""Which image is drawn at which moment, and the view of it: a pure function of seed and draw number.

Because nothing is remembered from draw to draw, a resumed run sees the same views as one that never stopped.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from training.augmentation import augment
from training.dataset_description import DatasetDescription
from training.dataset_files import read_image, read_mask
from training.errors import MissingImageError, MissingMaskError
from training.label_mapping import LabelMapping
from training.setting_groups import AugmentationSettings
from zegclip_core.encoding import image_pixels

ORDER_STREAM, VIEW_STREAM = 1, 2


def require_files(description: DatasetDescription, split: str) -> None:
    """Raise `MissingImageError` or `MissingMaskError` before hours of training, not after.

    Raises `SplitError` for an unknown and `EmptySplitError` for an empty split.
    """
    for image_id in description.ids(split):
        if not description.image_path(image_id).is_file():
            raise MissingImageError(
                f"{description.image_path(image_id)} does not exist, but split {split!r} of "
                f"{description.name} lists it: complete the data set or take the id out"
            )
        if not description.mask_path(image_id).is_file():
            raise MissingMaskError(
                f"{description.mask_path(image_id)} does not exist, but split {split!r} of "
                f"{description.name} lists image {image_id}: training needs a mask for each image"
            )


class DrawOrder:
    """Draw number to image id.

    Args:
        ids: the images.
        seed: of the run.
        groups: for each class the places in `ids` of its images; when given, a class is drawn first.

    """

    def __init__(self, ids: Sequence[str], *, seed: int, groups: Sequence[NDArray[np.int64]] = ()) -> None:
        self.ids = tuple(ids)
        self.seed = seed
        self.groups = [group for group in groups if group.size]
        self._epoch = -1
        self._permutation: NDArray[np.int64] = np.empty(0, np.int64)

    def image_id(self, draw: int) -> str:
        """Return the image of a draw: each epoch passes all images once in a new order, or by classes."""
        if self.groups:
            generator = np.random.default_rng([self.seed, ORDER_STREAM, draw])
            group = self.groups[int(generator.integers(len(self.groups)))]
            return self.ids[int(generator.choice(group))]
        epoch, place = divmod(draw, len(self.ids))
        if epoch != self._epoch:
            generator = np.random.default_rng([self.seed, ORDER_STREAM, epoch])
            self._epoch, self._permutation = epoch, generator.permutation(len(self.ids))
        return self.ids[int(self._permutation[place])]


def view_generator(seed: int, draw: int) -> np.random.Generator:
    """Return the generator that decides the view of a draw."""
    return np.random.default_rng([seed, VIEW_STREAM, draw])


def draw_order(
    description: DatasetDescription,
    split: str,
    *,
    mapping: LabelMapping,
    sampling: Literal["uniform", "balanced"],
    seed: int,
) -> DrawOrder:
    """Plan the draws of a split; "balanced" reads every mask once to find the images of each seen class."""
    ids = description.ids(split)
    if sampling == "uniform":
        return DrawOrder(ids, seed=seed)
    present = [np.unique(mapping.targets(read_mask(description, image_id))) for image_id in ids]
    groups = [
        np.array([place for place, values in enumerate(present) if query in values], dtype=np.int64)
        for query in mapping.seen
    ]
    return DrawOrder(ids, seed=seed, groups=groups)


Sample = tuple[dict[str, Tensor], Tensor]


class ImageSamples(Dataset[Sample]):
    """Augmented crops by draw number.

    Args:
        description: the data set.
        order: which image is drawn when.
        mapping: from mask values to targets.
        settings: sizes and strengths of the augmentation.
        fill: colour of padding.

    """

    def __init__(
        self,
        *,
        description: DatasetDescription,
        order: DrawOrder,
        mapping: LabelMapping,
        settings: AugmentationSettings,
        fill: tuple[int, int, int],
    ) -> None:
        self.description = description
        self.order = order
        self.mapping = mapping
        self.settings = settings
        self.fill = fill

    def __getitem__(self, draw: int) -> Sample:
        """Return `{"image": (3, crop, crop) uint8}` and targets (crop, crop) int64 of a draw."""
        image_id = self.order.image_id(draw)
        image = read_image(self.description, image_id)
        mask = read_mask(self.description, image_id, shape=(image.shape[0], image.shape[1]))
        view, targets = augment(
            image,
            self.mapping.targets(mask),
            settings=self.settings,
            fill=self.fill,
            generator=view_generator(self.order.seed, draw),
        )
        return {"image": image_pixels(view)}, torch.from_numpy(targets.astype(np.int64))
