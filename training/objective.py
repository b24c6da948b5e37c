"""What is minimised, as a sum and the number it is divided by, so that micro-batches add up exactly.

The paper's loss divides by the number of (image, class) pairs with pixels in the whole batch (ZegCLIP's
released `SegPlusCriterion`); a micro-batch does not know that number, so the division comes last.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training.label_mapping import IGNORED, NEGATIVE
from training.self_training import UNSURE
from training.setting_groups import LossSettings
from zegclip_core.zegclip.loss import LossOptions, count_masks, segmentation_loss

_SURELY_NOT = -50.0


@dataclass(frozen=True, slots=True)
class LossSum:
    """A part of a batch's loss.

    Attributes:
        total: the sum, with gradient.
        count: the whole batch's total is divided by the sum of these, or by 1.

    """

    total: Tensor
    count: float


def summed_loss(
    logits: Tensor, targets: Tensor, *, settings: LossSettings, none_class: bool = False
) -> LossSum:
    """Return the loss of some images.

    Args:
        logits: (B, C, h, w); brought to the targets' size bilinearly.
        targets: (B, H, W) queries 0 to C - 1, or the negative codes of `label_mapping` and `UNSURE`.
        settings: which loss, and its weights.
        none_class: whether "none of the classes", a logit of 0, takes part in the exclusive loss.

    """
    wide = F.interpolate(logits.float(), size=targets.shape[-2:], mode="bilinear", align_corners=False)
    if settings.kind == "exclusive":
        return _exclusive(wide, targets, none_class=none_class)
    return _non_exclusive(wide, targets, settings)


def _non_exclusive(logits: Tensor, targets: Tensor, settings: LossSettings) -> LossSum:
    """Sigmoid focal loss and dice loss, each class against all else.

    Pixels of none of the classes are negatives of every class; so are ignored ones, unless
    `ignored_are_negative` is off. A pixel that counts nowhere gets a constant logit at which the loss of a
    negative is 0.
    """
    left_out = targets == UNSURE
    if not settings.ignored_are_negative:
        left_out |= targets == IGNORED
    options = LossOptions(focal_weight=settings.focal_weight, dice_weight=settings.dice_weight)
    labels = targets.clamp_min(IGNORED)
    total = segmentation_loss(
        logits.masked_fill(left_out.unsqueeze(1), _SURELY_NOT), labels, IGNORED, options=options, num_masks=1
    )
    return LossSum(total, float(count_masks(labels, IGNORED) if bool((labels >= 0).any()) else 0))


def _exclusive(logits: Tensor, targets: Tensor, *, none_class: bool) -> LossSum:
    """Softmax cross-entropy, the mean over labelled pixels."""
    labels = targets
    if none_class:
        labels = torch.where(targets == NEGATIVE, logits.shape[1], targets)
        logits = F.pad(logits, (0, 0, 0, 0, 0, 1))
    counted = labels >= 0
    total = F.cross_entropy(logits, labels.clamp_min(0), reduction="none")[counted].sum()
    return LossSum(total, float(counted.sum()))
