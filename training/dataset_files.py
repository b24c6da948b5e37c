"""Read the photographs and masks that a data set description points to."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from training.dataset_description import DatasetDescription
from training.errors import (
    MaskContentError,
    MissingImageError,
    MissingMaskError,
    UnknownMaskIdsError,
    UnreadableImageError,
)

MASK_MODES = ("P", "L", "I;16", "I")
DECODING_ERRORS = (OSError, SyntaxError, Image.DecompressionBombError)


def read_image(description: DatasetDescription, image_id: str) -> NDArray[np.uint8]:
    """Return a photograph as displayed, `(H, W, 3)` RGB.

    Raises `MissingImageError` or `UnreadableImageError`.
    """
    path = description.image_path(image_id)
    if not path.is_file():
        raise MissingImageError(
            f"{path} does not exist: complete {description.name}, or take the id out of its split"
        )
    try:
        with Image.open(path) as image:
            return np.array(ImageOps.exif_transpose(image).convert("RGB"))
    except DECODING_ERRORS as error:
        raise UnreadableImageError(f"{path} cannot be decoded ({error}): replace the file") from error


def read_mask(
    description: DatasetDescription, image_id: str, *, shape: tuple[int, int] | None = None
) -> NDArray[np.uint16]:
    """Return a mask of class indices and `ignore_index`, `(H, W)`.

    Args:
        description: the data set.
        image_id: one id of one of its splits.
        shape: height and width that the mask must have, those of its photograph.

    Raises `MissingMaskError`, `UnreadableImageError`, `MaskContentError` (another size, a colour picture),
    `UnknownMaskIdsError` (values that are no class).

    """
    path = description.mask_path(image_id)
    if not path.is_file():
        raise MissingMaskError(f"{path} does not exist: image {image_id!r} needs a mask, or leaves its split")
    mask = _decode_mask(path)
    if shape is not None and mask.shape != shape:
        raise MaskContentError(
            f"{path} is {mask.shape[1]}x{mask.shape[0]}, its photograph {shape[1]}x{shape[0]}: "
            "masks must have the photograph's size as displayed"
        )
    known = [one.index for one in description.classes]
    unknown = np.setdiff1d(np.unique(mask), [*known, description.ignore_index])
    if unknown.size:
        raise UnknownMaskIdsError(
            f"{path} holds the values {unknown[:8].tolist()}, which are no class of {description.name} "
            f"(classes {min(known)} to {max(known)}, ignore {description.ignore_index}): "
            "convert the masks with `zegclip data`, or describe the classes"
        )
    return mask


def _decode_mask(path: Path) -> NDArray[np.uint16]:
    try:
        with Image.open(path) as image:
            if image.mode not in MASK_MODES:
                raise MaskContentError(
                    f"{path} is a {image.mode} picture: masks hold one class index per pixel"
                )
            return np.asarray(image).astype(np.uint16)
    except DECODING_ERRORS as error:
        raise UnreadableImageError(f"{path} cannot be decoded ({error}): replace the file") from error
