"""SC-CLIP (Bai et al., "Self-Calibrated CLIP for Training-Free Open-Vocabulary Segmentation", 2024)."""

import torch
import torch.nn.functional as F
from torch import Tensor

from zegclip_core.surgery.last_block import LastBlock, agreement
from zegclip_core.surgery.outliers import fill_outliers, outlier_mask

SIMILARITY_FLOOR = 0.4
SHARPNESS = 3.0
CLASS_SHARE = 0.3
# Of the twelve blocks of ViT-B/16, counted from 0: whose features tell what belongs together, whose outputs
# smooth the result, and which ones are added up for the second branch.
_COHERENT, _EARLY, _MIDDLE_LAST, _BLOCKS = 8, 3, 9, 12


def sc_clip(block: LastBlock, outputs: list[Tensor], grid: tuple[int, int]) -> Tensor:
    """Return patches (B, h*w, width) for `ln_post` from the outputs of all blocks but the last.

    Each output is (B, 1 + h*w, width). Outlier patches of the block before the last are replaced, patches are
    averaged with those that a middle block finds alike, attention goes by that likeness and by keys, and a
    second branch does the same with the sum of the middle blocks. Towers of another depth use the blocks at
    the same share of their depth.
    """
    depth = len(outputs) + 1
    early, coherent, middle_last = (_at_depth(index, depth) for index in (_EARLY, _COHERENT, _MIDDLE_LAST))
    before_last = outputs[-1]
    outliers = outlier_mask(before_last[:, 1:])
    likeness = cosine_similarity(fill_outliers(outputs[coherent][:, 1:], outliers, grid))
    smoothing = averaging_weights(cosine_similarity(outputs[early][:, 1:]))
    patches = fill_outliers(before_last[:, 1:], outliers, grid)
    patches = averaging_weights(likeness) @ patches
    middle = torch.stack(outputs[early : middle_last + 1]).sum(dim=0)
    calibrated = _attend(block, patches, before_last[:, :1], likeness, smoothing)
    return calibrated + _attend(block, middle[:, 1:], middle[:, :1], likeness, smoothing)


def cosine_similarity(patches: Tensor) -> Tensor:
    """Return the cosine of every two patches (B, n, C): (B, n, n)."""
    unit = F.normalize(patches, dim=-1)
    return unit @ unit.transpose(1, 2)


def averaging_weights(similarity: Tensor) -> Tensor:
    """Turn cosines (B, n, n) into weights of a mean over the patches that are alike; rows sum to 1."""
    alike = similarity.where(similarity >= SIMILARITY_FLOOR, 0.0)
    return alike / (alike.sum(dim=-1, keepdim=True) + 1e-6)


def likeness_attention(similarity: Tensor) -> Tensor:
    """Turn cosines (B, n, n) into attention over the patches that are more alike than the mean."""
    centred = SHARPNESS * (similarity - similarity.mean(dim=(1, 2), keepdim=True))
    # A patch is as alike to itself as can be; rounding must not take this last one from a row.
    itself = torch.eye(similarity.shape[-1], dtype=torch.bool, device=similarity.device)
    return centred.masked_fill((centred < 0) & ~itself, float("-inf")).softmax(dim=-1)


def _attend(
    block: LastBlock, patches: Tensor, class_token: Tensor, likeness: Tensor, smoothing: Tensor
) -> Tensor:
    """The last block's attention without residual and MLP, a share of the class token, and smoothing."""
    parts = block.project(patches)
    by_keys = agreement(parts.keys, parts.keys, parts.scale).softmax(dim=-1)
    weights = (likeness_attention(likeness).unsqueeze(1) + by_keys) / 2
    attended = block.gather(weights, parts.values) + CLASS_SHARE * class_token
    return smoothing @ attended


def _at_depth(index: int, depth: int) -> int:
    """The block before the last of a tower of another depth that lies as deep as block `index` of twelve."""
    return min(max(0, round((index + 1) / _BLOCKS * depth) - 1), depth - 2)
