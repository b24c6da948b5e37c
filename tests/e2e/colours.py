"""Whether a mask is really seen: its pixels are the photograph's, mixed with the label's colour."""

import cv2
import numpy as np
from numpy.typing import NDArray


def mask_on_stage(
    mask: NDArray[np.bool_], area: tuple[float, float, float, float], *, shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    """A mask of the photograph's size, as it lies in a screenshot of the stage.

    Args:
        mask: (h, w).
        area: left, top, width and height of the photograph on the stage.
        shape: (H, W, …) of the screenshot.

    """
    left, top, width, height = area
    placing = np.array([[width / mask.shape[1], 0, left], [0, height / mask.shape[0], top]], float)
    return cv2.warpAffine(mask.astype(np.uint8), placing, shape[1::-1], flags=cv2.INTER_NEAREST) > 0


def share_of_colour(
    shown: NDArray[np.uint8], bare: NDArray[np.uint8], colour: tuple[int, int, int]
) -> NDArray[np.float64]:
    """How much of a colour each pixel of a screenshot got: 0 = the bare photograph, 1 = the colour alone.

    Args:
        shown: the screenshot with masks (H, W, 3).
        bare: the same without masks.
        colour: the label's colour.

    Returns the shares (H, W); NaN where the change is not towards the colour.

    """
    towards = np.array(colour, float) - bare
    change = shown.astype(float) - bare
    share = (change * towards).sum(-1) / np.maximum((towards**2).sum(-1), 1e-9)
    left_over = np.abs(change - share[..., None] * towards).max(-1)
    return np.where(left_over <= 12, share, np.nan)
