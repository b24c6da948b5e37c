"""Calibrated stacking for sigmoid scores: seen classes give way a little, at inference only."""

from torch import Tensor

RELEASED_SEEN_BIAS = 0.1


def biased_probabilities(logits: Tensor, seen: Tensor, bias: float = RELEASED_SEEN_BIAS) -> Tensor:
    """Turn class logits (B, C, h, w) into probabilities, those of seen classes lowered by `bias`.

    Args:
        logits: before the sigmoid.
        seen: (C,) bool, the classes that training has seen.
        bias: subtracted from probabilities, as the release does in the inductive setting.

    Returns scores (B, C, h, w) from -bias to 1, whose largest is the label.

    """
    lowered = seen.to(logits.device, logits.dtype).view(1, -1, 1, 1) * bias
    return logits.sigmoid() - lowered
