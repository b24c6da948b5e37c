"""What an adaptation minimises: cross-entropy on corrected pixels, and on pseudo labels elsewhere."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from training.label_mapping import NEGATIVE
from zegclip_core.heads import best_words


def label_logits(words: Tensor, none: Tensor, owners: Tensor, labels: int) -> Tensor:
    """Let each label take its best word, as predictions do, and put "none of these" behind the labels.

    Args:
        words: logits of the words (B, P, h, w).
        none: logits of "none of these" (B, 1, h, w).
        owners: the label of each word (P,).
        labels: how many labels C there are.

    Returns (B, C + 1, h, w).

    """
    return torch.cat((best_words(words, owners, labels), none), dim=1)


def corrected_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy over the labelled pixels of an image; 0 without any.

    Args:
        logits: of what competes (1, N, h, w), "none of these" last where a background is declared; brought to
            the targets' size bilinearly.
        targets: (H, W) queries, or the negative codes of `label_mapping`.

    """
    wide = F.interpolate(logits, size=targets.shape, mode="bilinear", align_corners=False)[0]
    labels = torch.where(targets == NEGATIVE, len(wide) - 1, targets)
    known = labels >= 0
    if not bool(known.any()):
        return logits.sum() * 0.0
    return F.cross_entropy(wide[:, known].t(), labels[known])


def none_loss(none: Tensor, logits: Tensor, targets: Tensor) -> Tensor:
    """Return how much "none of these" stands above the labels where pixels are labelled; 0 without any.

    For projects without a declared background, of which every labelled pixel tells that it is not none. Were
    "none" to compete in `corrected_loss` there, seen labels would have to rise above it, and above all labels
    without corrections (measured: a label that nobody annotated fell from 52 to 20 IoU).

    Args:
        none: (1, 1, h, w).
        logits: of the labels (1, C, h, w); no gradient reaches them.
        targets: as for `corrected_loss`.

    """
    above = none - logits.detach().logsumexp(dim=1, keepdim=True)
    wide = F.interpolate(above, size=targets.shape, mode="bilinear", align_corners=False)[0, 0]
    known = targets >= 0
    return F.softplus(wide[known]).mean() if bool(known.any()) else none.sum() * 0.0


def pseudo_labels(taught: Tensor, untaught: Tensor, *, unseen: Sequence[int], confidence: float) -> Tensor:
    """Guess the labels of patches that nobody has corrected.

    Seen labels and "none" speak as the teacher has learned them, unseen labels as they were before any
    training: corrections, which show no unseen label, could only ever teach that there is none. What the
    others took wrongly from unseen labels comes back this way, and what they know better now goes to them
    (self-training as in ZegCLIP, CVPR 2023, guarded against forgetting).

    Args:
        taught: the teacher's logits of what competes (1, N, h, w): labels, and none where there may be none.
        untaught: those of the untrained model.
        unseen: queries of labels without corrections.
        confidence: the probability that a guess needs.

    Returns (1, h, w): the place of a label or of none, or -1 where the guess is not sure enough.

    """
    mixed = taught.clone()
    mixed[:, list(unseen)] = untaught[:, list(unseen)]
    highest, place = mixed.softmax(dim=1).max(dim=1)
    return torch.where(highest > confidence, place, -1)


def pseudo_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of guessed patches (1, h, w), divided by the number of all patches."""
    return F.cross_entropy(logits, labels, ignore_index=-1, reduction="sum") / labels.numel()
