"""From images to what the tower makes of them: alone, or many in one batch."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zegclip_core.errors import ShapeError
from zegclip_core.heads import HeadFeatures, SegmentationHead
from zegclip_core.image_edges import ImageEdges
from zegclip_core.windows import Window, WindowPlan


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """An image before the tower.

    Attributes:
        plan: where the model looks.
        pixels: (3, H, W) uint8, the image at the plan's size.
        image: (h, w, 3) uint8, the image at the working size, which guides the edges.
        size: height and width of the original.
        seconds: what preparing took.

    """

    plan: WindowPlan
    pixels: Tensor
    image: NDArray[np.uint8]
    size: tuple[int, int]
    seconds: float


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image after the tower; any label set can be asked of it.

    Attributes:
        plan: where the model looked.
        features: one entry for each window.
        edges: the image (h, w, 3) uint8 at the working size, whose edges masks follow.
        size: height and width of the original.
        seconds: what encoding took; of a batch, this image's share.

    """

    plan: WindowPlan
    features: tuple[HeadFeatures, ...]
    edges: ImageEdges
    size: tuple[int, int]
    seconds: float

    @property
    def image(self) -> NDArray[np.uint8]:
        """The image (h, w, 3) uint8 at the working size."""
        return self.edges.image


def prepare_image(image: NDArray[np.uint8], plan: WindowPlan, working_size: tuple[int, int]) -> PreparedImage:
    """Bring an image (H, W, 3) uint8 to the sizes that the tower and the edges need.

    Args:
        image: any size.
        plan: where the model looks.
        working_size: height and width at which labels compete.

    """
    began = time.perf_counter()
    pixels = image_pixels(resize_image(image, plan.height, plan.width))
    small = resize_image(image, *working_size)
    return PreparedImage(plan, pixels, small, (image.shape[0], image.shape[1]), time.perf_counter() - began)


def encode_prepared(
    head: SegmentationHead, prepared: Sequence[PreparedImage], *, batch_size: int
) -> list[EncodedImage]:
    """Run the tower over images, windows of one size together.

    Args:
        head: encodes.
        prepared: the images.
        batch_size: windows at once, at most; halved as often as the GPU's memory asks for.

    Raises `torch.OutOfMemoryError` when not even one window fits.

    """
    places: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for number, one in enumerate(prepared):
        for place, window in enumerate(one.plan.windows):
            places[window.height, window.width].append((number, place))
    features: dict[tuple[int, int], HeadFeatures] = {}
    seconds = [one.seconds for one in prepared]
    for same_size in places.values():
        waiting = list(same_size)
        while waiting:
            taken = waiting[:batch_size]
            began = time.perf_counter()
            try:
                crops = [_crop(prepared[n].pixels, prepared[n].plan.windows[p]) for n, p in taken]
                batch = _encode(head, torch.stack(crops))
            except torch.OutOfMemoryError:
                if len(taken) == 1:
                    raise
                torch.cuda.empty_cache()
                batch_size = len(taken) // 2
                continue
            features |= zip(taken, batch, strict=True)
            share = (time.perf_counter() - began) / len(taken)
            for number, _ in taken:
                seconds[number] += share
            waiting = waiting[len(taken) :]
    return [
        EncodedImage(
            one.plan,
            tuple(features[number, place] for place in range(len(one.plan.windows))),
            ImageEdges(one.image),
            one.size,
            seconds[number],
        )
        for number, one in enumerate(prepared)
    ]


def _crop(pixels: Tensor, window: Window) -> Tensor:
    return pixels[:, window.top : window.top + window.height, window.left : window.left + window.width]


def _encode(head: SegmentationHead, crops: Tensor) -> list[HeadFeatures]:
    """Encode windows (B, 3, H, W) uint8 and return the features of each, with a batch of one."""
    if head.backbone.device.type == "cuda":
        # Pinned memory is copied while the GPU works.
        crops = crops.pin_memory().to(head.backbone.device, non_blocking=True)
    encoded = head.encode(head.backbone.normalise(crops))
    return [
        HeadFeatures(patches=encoded.patches[i : i + 1], global_feature=encoded.global_feature[i : i + 1])
        for i in range(len(crops))
    ]


def require_rgb(image: NDArray[np.uint8]) -> None:
    """Raise `ShapeError` unless an array is (H, W, 3) uint8 and not empty."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ShapeError(f"an image of shape {image.shape} and type {image.dtype}: expected (H, W, 3) uint8")


def image_pixels(image: NDArray[np.uint8]) -> Tensor:
    """Return an image (H, W, 3) as pixels (3, H, W) of its type: a copy, as decoded images are read-only."""
    return torch.tensor(np.ascontiguousarray(image)).permute(2, 0, 1)


def resize_image(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize (H, W, 3) uint8: area means where it shrinks, bilinear where it grows."""
    if image.shape[:2] == (height, width):
        return image
    shrinks = height * width < image.shape[0] * image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized: NDArray[np.uint8] = cv2.resize(image, (width, height), interpolation=method)
    return resized
