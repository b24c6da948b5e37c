"""Features of fixed views, computed once: what is frozen below the trained parts need not run again.

With a frozen backbone the output of its stem is constant for a given view of a photograph (`StemEncoder`);
without prompts the tower's output is too (`FeatureEncoder`). A cache holds each photograph at a few scales,
plain and mirrored; crops are then cut out of the token grid.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from torch.utils.data import Dataset

from training.augmentation import draw_crop, scaled_size
from training.dataset_description import DatasetDescription
from training.dataset_files import read_image, read_mask
from training.label_mapping import LabelMapping
from training.samples import DrawOrder, Sample, view_generator
from training.setting_groups import AugmentationSettings
from zegclip_core.atomic_files import write_atomically
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.encoding import image_pixels, resize_image
from zegclip_core.zegclip.model import ZegCLIP


class ViewEncoder(Protocol):
    """Turns a view into features that do not change during training."""

    @property
    def identity(self) -> str:
        """Tells its features apart from those of any other encoder."""
        ...

    @property
    def stride(self) -> int:
        """Pixels from token to token."""
        ...

    @property
    def size_multiple(self) -> int:
        """Sides of a view are multiples of this many pixels."""
        ...

    def encode(self, image: NDArray[np.uint8]) -> Mapping[str, Tensor]:
        """Encode a view (H, W, 3); tensors (channels, h, w) lie on the token grid, others do not."""
        ...


class StemEncoder:
    """The image tower's patch embedding: `{"stem": (width, h, w)}`.

    Args:
        model: whose pixel scale and tower are used.
        backbone: the frozen CLIP below it.

    """

    def __init__(self, model: ZegCLIP, backbone: Backbone) -> None:
        self.model = model
        self.identity = f"{backbone.digest}-stem{_pixel_scale(model)}"
        self.stride = backbone.stride
        self.size_multiple = backbone.size_multiple

    @torch.no_grad()
    def encode(self, image: NDArray[np.uint8]) -> Mapping[str, Tensor]:
        """Encode a view (H, W, 3)."""
        return {"stem": self.model.tower.patchify(_normalised(self.model, image))[0]}


class FeatureEncoder:
    """The whole tower without prompts: `{"patches": (D, h, w), "global": (D,)}`, unit length along D.

    Args:
        model: a model without prompts.
        backbone: the frozen CLIP below it.

    """

    def __init__(self, model: ZegCLIP, backbone: Backbone) -> None:
        self.model = model
        options = model.options
        self.identity = (
            f"{backbone.digest}-features{_pixel_scale(model)}-{options.class_embedding_twice}"
            f"-{options.position_interpolation}-{options.position_grid}"
        )
        self.stride = backbone.stride
        self.size_multiple = backbone.size_multiple

    @torch.no_grad()
    def encode(self, image: NDArray[np.uint8]) -> Mapping[str, Tensor]:
        """Encode a view (H, W, 3)."""
        patches, global_feature = self.model.encode_image(_normalised(self.model, image))
        return {"patches": patches[0], "global": global_feature[0]}


def _normalised(model: ZegCLIP, image: NDArray[np.uint8]) -> Tensor:
    return model.normalise(image_pixels(image).unsqueeze(0))


def _pixel_scale(model: ZegCLIP) -> str:
    return "" if model.options.normalisation == "backbone" else f"-{model.options.normalisation}"


class FeatureCache:
    """Features on disk, filed under the pixels of the view: a changed photograph is another entry.

    Half precision, also on the first use, so that a warm cache gives the same numbers as a cold one.

    Args:
        folder: where entries lie; shared by runs and data sets.
        encoder: what computes them.

    """

    def __init__(self, folder: Path, encoder: ViewEncoder) -> None:
        self.encoder = encoder
        self.folder = folder / hashlib.sha256(encoder.identity.encode()).hexdigest()[:16]

    def features(self, view: NDArray[np.uint8]) -> dict[str, Tensor]:
        """Return the features of a view (H, W, 3), float32; an unreadable entry is computed again."""
        digest = hashlib.sha256(repr(view.shape).encode() + view.tobytes()).hexdigest()
        path = self.folder / digest[:2] / f"{digest[2:34]}.safetensors"
        try:
            stored = load(path.read_bytes())
        except (FileNotFoundError, SafetensorError):
            stored = {
                name: tensor.cpu().half().contiguous() for name, tensor in self.encoder.encode(view).items()
            }
            write_atomically(path, save(stored))
        return {name: tensor.float() for name, tensor in stored.items()}


class CachedSamples(Dataset[Sample]):
    """Crops of cached token grids by draw number; the counterpart of `ImageSamples`.

    Args:
        description: the data set.
        order: which image is drawn when.
        mapping: from mask values to targets.
        settings: sizes; `cached_scales` takes the place of the random scales.
        cache: where features come from.

    """

    def __init__(
        self,
        *,
        description: DatasetDescription,
        order: DrawOrder,
        mapping: LabelMapping,
        settings: AugmentationSettings,
        cache: FeatureCache,
    ) -> None:
        self.description = description
        self.order = order
        self.mapping = mapping
        self.settings = settings
        self.cache = cache

    def __getitem__(self, draw: int) -> Sample:
        """Return a draw's features, tensors on the grid cropped to (channels, crop/stride, crop/stride).

        Targets are (crop, crop) int64.
        """
        generator = view_generator(self.order.seed, draw)
        image_id = self.order.image_id(draw)
        image = read_image(self.description, image_id)
        mask = read_mask(self.description, image_id, shape=(image.shape[0], image.shape[1]))
        scale = float(generator.choice(self.settings.cached_scales))
        mirrored = bool(generator.random() < self.settings.flip)
        view, targets = self._view(image, self.mapping.targets(mask), scale, mirrored=mirrored)
        features = self.cache.features(view)
        stride, crop = self.cache.encoder.stride, self.settings.crop
        top, left = draw_crop(targets, crop, self.settings.largest_class_share, generator, step=stride)
        rows = slice(top // stride, (top + crop) // stride)
        columns = slice(left // stride, (left + crop) // stride)
        cropped = {name: t[:, rows, columns] if t.ndim == 3 else t for name, t in features.items()}
        inside = targets[top : top + crop, left : left + crop].astype(np.int64)
        return cropped, torch.from_numpy(inside)

    def _view(
        self, image: NDArray[np.uint8], targets: NDArray[np.int16], scale: float, *, mirrored: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
        """Bring image and targets to the cached size: multiples of the encoder's, never below the crop."""
        multiple = self.cache.encoder.size_multiple
        wished = scaled_size(image.shape[0], image.shape[1], self.settings, scale)
        height, width = (max(round(side / multiple) * multiple, self.settings.crop) for side in wished)
        view = resize_image(image, height, width)
        labels = cv2.resize(targets, (width, height), interpolation=cv2.INTER_NEAREST)
        if mirrored:
            view, labels = view[:, ::-1], labels[:, ::-1]
        return np.ascontiguousarray(view), np.ascontiguousarray(labels)
