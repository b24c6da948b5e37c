"""What the tower learns from masks with words."""

import torch
import torch.nn.functional as F
from torch import Tensor

from training.label_mapping import IGNORED, NEGATIVE

# Targets are compared at a quarter of the image's resolution: finer than the token grid, cheaper than pixels.
_FINE = 4
_COARSE = 8
_PURE = 0.7


def word_loss(cosines: Tensor, none_cosine: Tensor, scale: Tensor, targets: Tensor, stride: int) -> Tensor:
    """Cross-entropy of pixels over the data set's words and "none of these".

    Args:
        cosines: (B, C, h, w) of patches and words.
        none_cosine: the learned cosine of "none", a scalar.
        scale: factor from cosine to logit, a scalar.
        targets: (B, H, W) classes, `NEGATIVE` or `IGNORED`.
        stride: pixels from patch to patch.

    """
    none = none_cosine.expand(len(cosines), 1, *cosines.shape[-2:])
    logits = scale * torch.cat((cosines, none), dim=1)
    logits = F.interpolate(logits, scale_factor=stride / _FINE, mode="bilinear", align_corners=False)
    wanted = targets[:, _FINE // 2 :: _FINE, _FINE // 2 :: _FINE]
    wanted = torch.where(wanted == NEGATIVE, cosines.shape[1], wanted)
    counted = (wanted != IGNORED).sum().clamp_min(1)
    return F.cross_entropy(logits, wanted, ignore_index=IGNORED, reduction="sum") / counted


def label_set_loss(
    cosines: Tensor,
    none_cosine: Tensor,
    scale: Tensor,
    targets: Tensor,
    *,
    kept: Tensor,
    kin: Tensor,
    own: int,
    stride: int,
) -> Tensor:
    """Cross-entropy over a label set as users have them: some of the words, and "none of these".

    Pixels of a word outside the set are "none", unless a relative of it is in the set: then they count
    nowhere. `NEGATIVE` pixels are "none" or any stuff of the set, whichever it is (the background of Cermelli
    et al., "Modeling the Background", CVPR 2020), so that unlabelled sky is not taught to be nothing.

    Args:
        cosines: (B, K, h, w) of patches and words: the data set's own, then stuff.
        none_cosine: the learned cosine of "none", a scalar.
        scale: factor from cosine to logit, a scalar.
        targets: (B, H, W) classes 0..K-1, `NEGATIVE` or `IGNORED`.
        kept: (K,) bool, the words in the set.
        kin: (K, K) bool, words that do not compete with each other; not with itself.
        own: how many of the words are the data set's own.
        stride: pixels from patch to patch.

    """
    words = cosines.shape[1]
    none = none_cosine.expand(len(cosines), 1, *cosines.shape[-2:])
    logits = scale * torch.cat((cosines, none), dim=1)
    logits = F.interpolate(logits, scale_factor=stride / _COARSE, mode="bilinear", align_corners=False)
    wanted = targets[:, _COARSE // 2 :: _COARSE, _COARSE // 2 :: _COARSE]
    # One row for each word and one for NEGATIVE; columns are words and none.
    right = torch.zeros(words + 1, words + 1, dtype=torch.bool)
    right[:words, :words] = torch.diag(kept)
    right[:words, words] = ~kept
    right[words, words] = True
    right[words, own:words] = kept[own:]
    rivals = torch.cat((kept, torch.ones(1, dtype=torch.bool))).repeat(words + 1, 1)
    rivals[:words, :words] &= ~kin
    ambiguous = torch.cat((~kept & (kin & kept).any(dim=1), torch.zeros(1, dtype=torch.bool)))
    rows = torch.where(wanted == NEGATIVE, words, wanted)
    rows = torch.where((rows != IGNORED) & ~ambiguous[rows.clamp_min(0)], rows, IGNORED)
    counted = rows != IGNORED
    if not counted.any():
        return cosines.new_zeros(())
    chosen, rows = logits.permute(0, 2, 3, 1)[counted], rows[counted]
    against = torch.logsumexp(chosen.masked_fill(~rivals[rows], -torch.inf), dim=1)
    for_it = torch.logsumexp(chosen.masked_fill(~right[rows], -torch.inf), dim=1)
    loss: Tensor = (against - for_it).mean()
    return loss


def pure_cells(targets: Tensor, classes: int, stride: int) -> Tensor:
    """Return the class of every cell that is more than 70 % of one class, else `IGNORED`: (B, h, w)."""
    batch, height, width = targets.shape
    grid = targets.view(batch, height // stride, stride, width // stride, stride)
    # Column 0 collects what is no class.
    pixels = grid.transpose(2, 3).flatten(3).clamp_min(-1) + 1
    counts = pixels.new_zeros(*pixels.shape[:3], classes + 1)
    counts.scatter_add_(3, pixels, torch.ones_like(pixels))
    count, best = counts[..., 1:].max(dim=3)
    return torch.where(count > _PURE * stride * stride, best, IGNORED)


def vocabulary_loss(
    features: Tensor, cells: Tensor, words: Tensor, negatives: Tensor, scale: Tensor, relatives: float
) -> Tensor:
    """Cross-entropy of pure cells against words from the whole vocabulary, every class with equal weight.

    Args:
        features: (B, D, h, w), unit length.
        cells: (B, h, w) from `pure_cells`.
        words: (C, D) features of the data set's words.
        negatives: (N, D) features of words drawn from the vocabulary.
        scale: factor from cosine to logit.
        relatives: negatives with a larger cosine to the right word do not compete.

    """
    chosen = cells != IGNORED
    if not chosen.any():
        return features.new_zeros(())
    vectors = features.permute(0, 2, 3, 1)[chosen]
    classes = cells[chosen]
    right = (vectors * words[classes]).sum(dim=-1, keepdim=True)
    # Masked after scaling: infinity times the scale would make the scale's gradient no number.
    others = scale * (vectors @ negatives.T)
    kin = words @ negatives.T > relatives
    others = others.masked_fill(kin[classes], -torch.inf)
    losses = -F.log_softmax(torch.cat((scale * right, others), dim=1), dim=1)[:, 0]
    counts = torch.bincount(classes, minlength=len(words))
    balanced: Tensor = (losses / counts[classes]).sum() / torch.count_nonzero(counts)
    return balanced


def unnamed_memory_loss(features: Tensor, before: Tensor, cells: Tensor) -> Tensor:
    """Mean of 1 - cosine between features now and at the start, both (B, D, h, w), on cells without a word.

    What such a cell shows has a place in the space of words that no mask speaks for.
    """
    chosen = cells == IGNORED
    if not chosen.any():
        return features.new_zeros(())
    loss: Tensor = (1 - (features * before).sum(dim=1))[chosen].mean()
    return loss


def memory_loss(features: Tensor, before: Tensor, cells: Tensor, words: Tensor) -> Tensor:
    """Mean of 1 - cosine between features now and at the start, both (B, D, h, w), on pure cells.

    Only cells count that the start already took for the right one of `words` (C, D).
    """
    best = torch.einsum("bdhw,cd->bchw", before, words).argmax(dim=1)
    chosen = (cells != IGNORED) & (best == cells)
    if not chosen.any():
        return features.new_zeros(())
    loss: Tensor = (1 - (features * before).sum(dim=1))[chosen].mean()
    return loss
