"""Random views of a photograph and its targets: scale, crop, mirror, colour.

All functions are pure: the same generator state gives the same view. Values are those of ZegCLIP's released
training pipeline (random scale 0.5 to 2, crop with `cat_max_ratio` 0.75, flip, photometric distortion).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from training.label_mapping import IGNORED
from training.setting_groups import AugmentationSettings

Image = NDArray[np.uint8]
Targets = NDArray[np.int16]

CROP_TRIES = 10
BRIGHTNESS = 32
CONTRAST = (0.5, 1.5)
SATURATION = (0.5, 1.5)
HUE_DEGREES = 18


def augment(
    image: Image,
    targets: Targets,
    *,
    settings: AugmentationSettings,
    fill: tuple[int, int, int],
    generator: np.random.Generator,
) -> tuple[Image, Targets]:
    """Draw one view.

    Args:
        image: (H, W, 3) RGB.
        targets: (H, W), `IGNORED` where nothing counts.
        settings: sizes and strengths.
        fill: colour of padding, the model's mean pixel.
        generator: source of randomness.

    Returns image (crop, crop, 3) and targets (crop, crop).

    """
    low, high = settings.scales
    scale = float(generator.uniform(low, high))
    height, width = scaled_size(image.shape[0], image.shape[1], settings, scale)
    image, targets = resize(image, targets, height, width)
    top, left = draw_crop(targets, settings.crop, settings.largest_class_share, generator)
    window = slice(top, top + settings.crop), slice(left, left + settings.crop)
    image, targets = image[window], targets[window]
    if generator.random() < settings.flip:
        image, targets = image[:, ::-1], targets[:, ::-1]
    if settings.photometric:
        image = distort_colours(image, generator)
    return pad(np.ascontiguousarray(image), np.ascontiguousarray(targets), settings.crop, fill)


def scaled_size(height: int, width: int, settings: AugmentationSettings, scale: float) -> tuple[int, int]:
    """Return height and width: the shorter side at `short_side * scale`, the longer one within its limit."""
    factor = min(
        settings.short_side * scale / min(height, width), settings.long_side * scale / max(height, width)
    )
    return max(1, round(height * factor)), max(1, round(width * factor))


def resize(image: Image, targets: Targets, height: int, width: int) -> tuple[Image, Targets]:
    """Resize an image bilinearly and its targets to the nearest neighbour."""
    resized: Image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    nearest: Targets = cv2.resize(targets, (width, height), interpolation=cv2.INTER_NEAREST)
    return resized, nearest


def draw_crop(
    targets: Targets, crop: int, largest_share: float, generator: np.random.Generator, *, step: int = 1
) -> tuple[int, int]:
    """Draw the top left corner of a crop in which no class covers more than `largest_share` of the targets.

    After ten tries the last one is taken. A side shorter than `crop` starts at 0; corners are multiples of
    `step` pixels.
    """
    top = left = 0
    rows, columns = (max(length - crop, 0) // step + 1 for length in targets.shape)
    for _ in range(CROP_TRIES):
        top = step * int(generator.integers(0, rows))
        left = step * int(generator.integers(0, columns))
        inside = targets[top : top + crop, left : left + crop]
        _, counts = np.unique(inside[inside != IGNORED], return_counts=True)
        if len(counts) > 1 and counts.max() <= largest_share * counts.sum():
            break
    return top, left


def pad(image: Image, targets: Targets, side: int, fill: tuple[int, int, int]) -> tuple[Image, Targets]:
    """Pad image and targets at the bottom and on the right to `side` x `side`."""
    bottom, right = side - image.shape[0], side - image.shape[1]
    if bottom or right:
        image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=fill)
        targets = cv2.copyMakeBorder(targets, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=IGNORED)
    return image, targets


def distort_colours(image: Image, generator: np.random.Generator) -> Image:
    """Change brightness, contrast, saturation and hue of an RGB image, each with probability one half.

    Contrast comes before the colour changes in half of the cases and after them in the other half.
    """
    if generator.random() < 0.5:
        image = _linear(image, 1.0, float(generator.uniform(-BRIGHTNESS, BRIGHTNESS)))
    contrast_first = generator.random() < 0.5
    contrast = float(generator.uniform(*CONTRAST)) if generator.random() < 0.5 else 1.0
    if contrast_first:
        image = _linear(image, contrast, 0.0)
    saturation = float(generator.uniform(*SATURATION)) if generator.random() < 0.5 else 1.0
    hue = int(generator.integers(-HUE_DEGREES, HUE_DEGREES)) if generator.random() < 0.5 else 0
    if saturation != 1.0 or hue:
        image = _saturation_and_hue(image, saturation, hue)
    return image if contrast_first else _linear(image, contrast, 0.0)


def _linear(image: Image, factor: float, offset: float) -> Image:
    if factor == 1.0 and offset == 0.0:
        return image
    changed = np.clip(image.astype(np.float32) * factor + offset, 0, 255)
    return changed.astype(np.uint8)


def _saturation_and_hue(image: Image, saturation: float, hue: int) -> Image:
    """Scale saturation and turn the hue by `hue` steps of OpenCV's circle of 180 (two degrees each)."""
    hsv = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 1] = np.clip(hsv[..., 1] * saturation, 0, 255)
    hsv[..., 0] = (hsv[..., 0] + hue) % 180
    changed: Image = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    return changed
