"""Patches that a ViT uses as a scratch pad: finding them and filling their places (SC-CLIP)."""

import torch
import torch.nn.functional as F
from torch import Tensor

NEIGHBOURS = 30
INLIER_SHARE = 0.95
_SMALLEST_DISTANCE = 1e-12


def outlier_mask(patches: Tensor) -> Tensor:
    """Mark the twentieth of the patches (B, n, C) that lie loneliest in feature space: (B, n), bool.

    A local outlier factor with the k-distance as reach (SC-CLIP, Bai et al. 2024): a patch's score is the
    mean, over its 30 nearest neighbours, of its own squared distance to the 30th neighbour over theirs.
    """
    count = patches.shape[1]
    if count < 3:
        return torch.zeros(patches.shape[:2], dtype=torch.bool, device=patches.device)
    features = patches.float()
    # Without the shortcut of expanding the square, whose rounding drowns near neighbours of long vectors.
    distances = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist").square()
    distances.diagonal(dim1=1, dim2=2).fill_(float("inf"))
    nearest = distances.topk(min(NEIGHBOURS, count - 1), dim=-1, largest=False)
    reach = nearest.values[..., -1].clamp_min(_SMALLEST_DISTANCE)
    neighbours = reach.unsqueeze(1).expand(-1, count, -1).gather(2, nearest.indices)
    score = (reach.unsqueeze(-1) / neighbours).mean(-1)
    return score > score.quantile(INLIER_SHARE, dim=-1, keepdim=True)


def fill_outliers(patches: Tensor, outliers: Tensor, grid: tuple[int, int]) -> Tensor:
    """Replace outliers by the mean of those of their eight neighbours on the grid (h, w) that are none.

    Takes patches (B, h*w, C) and a mask (B, h*w); an outlier among outliers stays as it is.
    """
    mask = outliers.reshape(-1, 1, *grid)
    image = patches.transpose(1, 2).reshape(len(patches), -1, *grid)
    kept = (~mask).to(image.dtype)
    # Sums over 3x3 windows; the centre of a window that matters is an outlier and counts as nothing.
    total = F.avg_pool2d(image * kept, 3, stride=1, padding=1, divisor_override=1)
    neighbours = F.avg_pool2d(kept, 3, stride=1, padding=1, divisor_override=1)
    filled = torch.where(mask & (neighbours > 0), total / neighbours.clamp_min(1), image)
    return filled.flatten(2).transpose(1, 2)
