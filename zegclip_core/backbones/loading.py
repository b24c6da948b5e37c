"""The one way from a notation to a loaded backbone."""

from pathlib import Path

import torch

from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS, load_mini
from zegclip_core.backbones.notation import BackboneSpec, model_name, model_revision
from zegclip_core.errors import UnknownModelError


def load_backbone(
    spec: BackboneSpec,
    *,
    cache_dir: Path | None = None,
    device: str | torch.device = "cpu",
    show_progress: bool = False,
) -> Backbone:
    """Load the weights that a notation means, frozen and in evaluation mode.

    Args:
        spec: what `parse_notation` made of the model's name.
        cache_dir: where published weights are kept; open_clip's own folder when None.
        device: where the weights go.
        show_progress: whether downloads draw a progress bar on the terminal.

    Raises `ModelError` and its kinds, with a message that tells the cure.

    """
    if spec.kind == "embedded":
        backbone = load_mini(EMBEDDED_WEIGHTS, name=model_name(spec), revision=model_revision(spec))
        return backbone.to(device)
    raise UnknownModelError(f"{spec.notation!r}: only zegclip-mini can be loaded so far")
