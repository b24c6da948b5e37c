"""Images as predictions see them, plain and mirrored: dense features, encoded once, and targets."""

import functools
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.dataset_description import DatasetDescription
from training.dataset_files import read_image, read_mask
from training.feature_cache import FeatureCache
from training.label_mapping import NEGATIVE, LabelMapping
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.dense_head import DenseZeroShotHead
from zegclip_core.encoding import image_pixels, resize_image
from zegclip_core.windows import plan_windows

View = tuple[Tensor, Tensor]
# Some 600 KB each at 512 pixels: what 100 corrected and 100 other images need, plain and mirrored.
_VIEWS_IN_MEMORY = 400


class DenseEncoder:
    """The dense head's features of a whole view: `{"patches": (D, h, w)}`, unit length along D.

    Args:
        backbone: the frozen CLIP.

    """

    def __init__(self, backbone: Backbone) -> None:
        self._head = DenseZeroShotHead(backbone=backbone)
        self.identity = f"{self._head.encoding_digest} dense"
        self.stride = backbone.stride
        self.size_multiple = backbone.size_multiple

    def encode(self, image: NDArray[np.uint8]) -> Mapping[str, Tensor]:
        """Encode a view (H, W, 3), sides multiples of `size_multiple`."""
        pixels = image_pixels(image).unsqueeze(0)
        return {"patches": self._head.encode(self._head.backbone.normalise(pixels)).patches[0]}


class AdaptationViews:
    """The images of a split by what is known of them.

    Args:
        description: the data set.
        ids: its images.
        mapping: from mask values to targets.
        backbone: the frozen CLIP.
        target_stride: pixels of a view from target to target.
        cache_dir: where features are kept.

    Attributes:
        by_label: for each seen query the corrected images that show it; queries without any are left out.
        unlabelled: images of which no pixel is labelled.
        seconds: spent on reading and encoding so far.

    """

    def __init__(
        self,
        *,
        description: DatasetDescription,
        ids: Sequence[str],
        mapping: LabelMapping,
        backbone: Backbone,
        target_stride: int,
        cache_dir: Path,
    ) -> None:
        self._description = description
        self._mapping = mapping
        self._sizes = backbone.sizes
        self._stride = target_stride
        self._cache = FeatureCache(cache_dir, DenseEncoder(backbone))
        self.seconds = 0.0
        self._known = functools.lru_cache(maxsize=_VIEWS_IN_MEMORY)(self._read)
        present = {one: set(np.unique(mapping.targets(read_mask(description, one))).tolist()) for one in ids}
        groups = [[one for one, targets in present.items() if query in targets] for query in mapping.seen]
        self.by_label = [group for group in groups if group]
        self.unlabelled = [
            one
            for one, targets in present.items()
            if NEGATIVE not in targets and not targets & set(mapping.seen)
        ]

    def view(self, image_id: str, *, mirrored: bool) -> View:
        """Return an image's features (1, D, h, w), and its targets (H, W) int64 as the mapping codes them."""
        features, targets = self._known(image_id, mirrored)
        return features.float(), targets.long()

    def _read(self, image_id: str, mirrored: bool) -> View:
        """Read a view as small as it can be kept: half precision, as the cache rounds to anyway."""
        started = time.monotonic()
        image = read_image(self._description, image_id)
        mask = read_mask(self._description, image_id, shape=(image.shape[0], image.shape[1]))
        plan = plan_windows(image.shape[0], image.shape[1], self._sizes)
        size = (plan.width, plan.height)
        view = resize_image(image, plan.height, plan.width)
        targets = cv2.resize(self._mapping.targets(mask), size, interpolation=cv2.INTER_NEAREST)
        if mirrored:
            view, targets = view[:, ::-1], targets[:, ::-1]
        features = self._cache.features(np.ascontiguousarray(view))["patches"].unsqueeze(0)
        self.seconds += time.monotonic() - started
        places = slice(self._stride // 2, None, self._stride)
        return features.half(), torch.from_numpy(np.ascontiguousarray(targets[places, places]))
