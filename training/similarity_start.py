"""A decoder that starts as what a dense backbone knows already: the cosine of patch and word.

A random decoder needs thousands of steps before it matches anything. On a backbone whose patches were trained
to be compared with words, descriptor and decoder can be set so that their first logit is the dense head's,
minus its logit of "none of these": training then only has to improve on it, and words that are never trained
on keep what they had.
"""

import torch
from torch import nn

from training.errors import ConfigurationError
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.zegclip.matching_decoder import DecoderLayer
from zegclip_core.zegclip.model import ZegCLIP

_OFFSET_SHARE = 0.01


@torch.no_grad()
def start_as_similarity(model: ZegCLIP, backbone: Backbone) -> None:
    """Set descriptor and decoder so that logits are `scale * (cosine - none_cosine)`, in place.

    The descriptor passes the text feature on; layers before the last add nothing to it and only normalise it;
    the last one compares it with the patches. Normalised queries have mean 0, so that a constant key bias
    meets nothing but the constant query bias: their product is the offset.

    Raises `ConfigurationError` for a backbone without a learned "none of these" and for a descriptor without
    the text feature.
    """
    if backbone.none_cosine is None:
        raise ConfigurationError(
            f"model.start = 'similarity' needs a backbone trained on patches, such as zegclip-mini; "
            f"{backbone.name} is not: use model.start = 'random'"
        )
    if model.options.descriptor == "product":
        raise ConfigurationError("model.start = 'similarity' needs a descriptor with the text feature")
    dim = model.embed_dim
    _pass_text_on(model.descriptor.projection, dim, last=model.options.descriptor != "global_text")
    layers = [layer for layer in model.decoder.layers if isinstance(layer, DecoderLayer)]
    for layer in layers[:-1]:
        nn.init.zeros_(layer.attention.projection.weight)
        nn.init.zeros_(layer.attention.projection.bias)
        nn.init.zeros_(layer.contract.weight)
        nn.init.zeros_(layer.contract.bias)
    attention = layers[-1].attention
    divisor = attention.heads * (dim / attention.heads) ** 0.5
    norm = dim**0.5 if len(layers) > 1 else 1.0
    gain = (backbone.logit_scale * divisor / norm) ** 0.5
    nn.init.eye_(attention.query.weight).mul_(gain)
    nn.init.eye_(attention.key.weight).mul_(gain)
    offset = -backbone.logit_scale * backbone.none_cosine * divisor
    nn.init.constant_(attention.query.bias, _OFFSET_SHARE)
    nn.init.constant_(attention.key.bias, offset / (dim * _OFFSET_SHARE))


def _pass_text_on(projection: nn.Linear, dim: int, *, last: bool) -> None:
    """Make a linear map return the text feature, which is its input's last or first part."""
    nn.init.zeros_(projection.weight)
    nn.init.zeros_(projection.bias)
    part = projection.weight[:, -dim:] if last else projection.weight[:, :dim]
    part.copy_(torch.eye(dim))
