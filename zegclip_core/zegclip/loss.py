"""The non-mutually-exclusive loss, Design 2 of the paper: every class is a binary question of its own."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from zegclip_core.errors import ShapeError


@dataclass(frozen=True, slots=True, kw_only=True)
class LossOptions:
    """Weights and forms of the two terms.

    Attributes:
        focal_weight: factor of the focal term.
        dice_weight: factor of the dice term.
        focal_alpha: weight of positive pixels in the focal term; negative ones get the rest of 1.
        focal_gamma: exponent that weakens pixels which are right already.
        ignored_are_negative: ignored pixels count as negatives of every class, as in the release; False
            leaves them out of both terms.

    """

    focal_weight: float = 100.0
    dice_weight: float = 1.0
    focal_alpha: float = 0.25
    focal_gamma: float = 2.0
    ignored_are_negative: bool = True


_RELEASED = LossOptions()


def segmentation_loss(
    logits: Tensor,
    labels: Tensor,
    ignore_index: int = 255,
    *,
    options: LossOptions = _RELEASED,
    num_masks: float | None = None,
) -> Tensor:
    """Return `focal_weight` * focal + `dice_weight` * dice as a scalar, computed in float32.

    The focal term (Lin et al., ICCV 2017) sums every class's mean over pixels; the dice term (Milletari et
    al., 3DV 2016, smoothed by 1) sums the classes that an image holds. Both are divided by the number of
    masks.

    Args:
        logits: (B, C, H, W), before the sigmoid.
        labels: (B, H, W), integers 0..C-1 or `ignore_index`.
        ignore_index: the label of pixels nobody has labelled.
        options: weights and the treatment of ignored pixels.
        num_masks: what both terms are divided by; `count_masks` of the labels when None. A part of a batch
            takes the count of the whole batch, so that the parts' losses add up.

    Raises `ShapeError` when shapes do not fit or a label is neither a class nor ignored.

    """
    _require_fitting(logits, labels, ignore_index)
    valid = labels != ignore_index
    targets = _binary_masks(labels.where(valid, 0), valid, logits.shape[1])
    present = targets.any(dim=2)
    if num_masks is None:
        num_masks = max(int(present.sum()), 1)
    weights = None if options.ignored_are_negative else valid.flatten(1).unsqueeze(1).float()
    scores, targets = logits.flatten(2).float(), targets.float()
    focal = _focal(scores, targets, weights, options).sum() / num_masks
    dice = _dice(scores, targets, weights).where(present, 0.0).sum() / num_masks
    return options.focal_weight * focal + options.dice_weight * dice


def count_masks(labels: Tensor, ignore_index: int = 255) -> int:
    """Count the pairs of image and class in labels (B, H, W); at least 1."""
    distinct = sum(len(torch.unique(image[image != ignore_index])) for image in labels)
    return max(distinct, 1)


def _binary_masks(labels: Tensor, valid: Tensor, classes: int) -> Tensor:
    """One mask (B, C, H*W) for each class, false on pixels that are not valid."""
    numbers = torch.arange(classes, device=labels.device).view(1, -1, 1)
    return (labels.flatten(1).unsqueeze(1) == numbers) & valid.flatten(1).unsqueeze(1)


def _focal(scores: Tensor, targets: Tensor, weights: Tensor | None, options: LossOptions) -> Tensor:
    """Mean over pixels of each image and class, (B, C)."""
    probabilities = scores.sigmoid()
    errors = probabilities + targets - 2 * probabilities * targets
    balance = (1 - options.focal_alpha) + (2 * options.focal_alpha - 1) * targets
    entropy = F.binary_cross_entropy_with_logits(scores, targets, reduction="none")
    loss = balance * entropy * errors**options.focal_gamma
    if weights is None:
        return loss.mean(dim=2)
    return (loss * weights).sum(dim=2) / weights.sum(dim=2).clamp(min=1)


def _dice(scores: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    """One minus the overlap of each image and class, (B, C)."""
    probabilities = scores.sigmoid() if weights is None else scores.sigmoid() * weights
    overlap = 2 * (probabilities * targets).sum(dim=2) + 1
    return 1 - overlap / (probabilities.sum(dim=2) + targets.sum(dim=2) + 1)


def _require_fitting(logits: Tensor, labels: Tensor, ignore_index: int) -> None:
    if logits.ndim != 4 or labels.ndim != 3 or logits.shape[:1] + logits.shape[2:] != labels.shape:
        raise ShapeError(
            f"logits {tuple(logits.shape)} and labels {tuple(labels.shape)}: expected (B, C, H, W) and "
            "(B, H, W); bring the logits to the labels' size first"
        )
    if labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool:
        raise ShapeError(f"labels of type {labels.dtype}: expected integers")
    classes = logits.shape[1]
    wrong = (labels != ignore_index) & ((labels < 0) | (labels >= classes))
    if bool(wrong.any()):
        raise ShapeError(
            f"label {int(labels[wrong][0])} is none of {classes} classes: expected 0 to {classes - 1} or "
            f"{ignore_index} for ignored pixels"
        )
