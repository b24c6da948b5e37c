"""The model: CLIP backbones, ZegCLIP, and pictures to label maps. Knows no server, queue or training.

The names below are brought in when they are first used: what only reads notations stays without torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zegclip_core.checkpoints.upstream import load_upstream_checkpoint
    from zegclip_core.zegclip.deep_prompts import DeepPrompts
    from zegclip_core.zegclip.loss import LossOptions, segmentation_loss
    from zegclip_core.zegclip.model import ZegCLIP
    from zegclip_core.zegclip.options import ZegCLIPOptions
    from zegclip_core.zegclip.relationship_descriptor import RelationshipDescriptor

_HOMES = {
    "DeepPrompts": "zegclip_core.zegclip.deep_prompts",
    "LossOptions": "zegclip_core.zegclip.loss",
    "RelationshipDescriptor": "zegclip_core.zegclip.relationship_descriptor",
    "ZegCLIP": "zegclip_core.zegclip.model",
    "ZegCLIPOptions": "zegclip_core.zegclip.options",
    "load_upstream_checkpoint": "zegclip_core.checkpoints.upstream",
    "segmentation_loss": "zegclip_core.zegclip.loss",
}

__all__ = [
    "DeepPrompts",
    "LossOptions",
    "RelationshipDescriptor",
    "ZegCLIP",
    "ZegCLIPOptions",
    "load_upstream_checkpoint",
    "segmentation_loss",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names, whether they have been used yet or not."""
    return sorted({*globals(), *__all__})
