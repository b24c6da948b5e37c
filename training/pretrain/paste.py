"""A thing cut out of one photograph and pasted into another, for words that few photographs show.

Ghiasi et al., "Simple Copy-Paste is a Strong Data Augmentation Method", CVPR 2021.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from zegclip_core.encoding import resize_image

_SMALLEST, _LARGEST = 0.25, 0.75


def paste(
    view: NDArray[np.uint8],
    seen: NDArray[np.int16],
    image: NDArray[np.uint8],
    labels: NDArray[np.int16],
    *,
    own: int,
    generator: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    """Return a view and its targets with one class of another photograph pasted in.

    Its longer side becomes a quarter to three quarters of the view's shorter one; it may be mirrored.

    Args:
        view: (H, W, 3) that is pasted into; it stays as it is.
        seen: its targets (H, W).
        image: (h, w, 3) that the thing is cut from.
        labels: its targets (h, w).
        own: only classes below this number are pasted.
        generator: draws class, size and place.

    Where the other photograph shows none of the classes, the view is returned unchanged.

    """
    classes = np.unique(labels[(labels >= 0) & (labels < own)])
    if not len(classes):
        return view, seen
    chosen = int(generator.choice(classes))
    rows, columns = np.nonzero(labels == chosen)
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    thing = labels[box] == chosen
    longest = float(generator.uniform(_SMALLEST, _LARGEST)) * min(seen.shape)
    height, width = (max(1, round(side * longest / max(thing.shape))) for side in thing.shape)
    pixels = resize_image(np.ascontiguousarray(image[box]), height, width)
    shape = cv2.resize(thing.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
    if generator.random() < 0.5:
        pixels, shape = pixels[:, ::-1], shape[:, ::-1]
    top = int(generator.integers(seen.shape[0] - height + 1))
    left = int(generator.integers(seen.shape[1] - width + 1))
    view, seen = view.copy(), seen.copy()
    view[top : top + height, left : left + width][shape] = pixels[shape]
    seen[top : top + height, left : left + width][shape] = chosen
    return view, seen
