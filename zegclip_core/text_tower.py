"""A CLIP's text tower, without the work that padding costs."""

from typing import Any

from torch import Tensor

from zegclip_core.guarded_open_clip import open_clip

PADDING = 0


def encode_tokens(clip: Any, tokens: Tensor) -> Tensor:
    """Encode token ids (N, context) as `clip.encode_text` does into (N, D), not normalised.

    In a causal tower no token sees what follows it, so that places after the longest sentence's end can be
    left out: labels fill a tenth of CLIP's 77 places. Other towers are run as they are.
    """
    causal = type(clip) is open_clip.CLIP and clip.text_pool_type == "argmax" and clip.attn_mask is not None
    if not causal or not len(tokens):
        features: Tensor = clip.encode_text(tokens)
        return features
    ends = tokens.argmax(dim=-1)
    length = int(ends.max()) + 1
    hidden = clip.token_embedding(tokens[:, :length]) + clip.positional_embedding[:length]
    hidden = clip.ln_final(clip.transformer(hidden, attn_mask=clip.attn_mask[:length, :length]))
    projected: Tensor = hidden[range(len(tokens)), ends] @ clip.text_projection
    return projected
