"""From what a batch holds to class logits: photographs, cached stems, or cached features."""

from collections.abc import Mapping

from torch import Tensor

from zegclip_core.zegclip.model import ZegCLIP


def class_logits(model: ZegCLIP, views: Mapping[str, Tensor], text: Tensor) -> Tensor:
    """Return logits (B, C, h, w) of stacked views, as `ImageSamples` and `CachedSamples` give them.

    Args:
        model: the model.
        views: `image` (B, 3, H, W) uint8, or `stem` (B, width, h, w), or `patches` and `global`.
        text: unit text features (C, D).

    """
    on_device = {name: tensor.to(text.device, non_blocking=True) for name, tensor in views.items()}
    if "patches" in on_device:
        return model.decode(on_device["patches"], on_device["global"], text)
    if "stem" in on_device:
        return model.decode(*model.encode_stem(on_device["stem"]), text)
    logits: Tensor = model(model.normalise(on_device["image"]), text)
    return logits
