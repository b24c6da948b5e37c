"""The one way from a notation to a loaded backbone."""

from pathlib import Path

import torch

from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.checkpoint import load_checkpoint
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS, FAST_SIZES, FINE_SIZES, load_mini
from zegclip_core.backbones.notation import FAST_MODEL, BackboneSpec, find_weights, model_name, model_revision
from zegclip_core.backbones.open_clip_models import load_bare, load_published
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
        cache_dir: where published weights are kept; the hub's own cache folder when None.
        device: where the weights go.
        show_progress: whether downloads draw a progress bar on the terminal.

    Raises `ModelError` and its kinds, with a message that tells the cure.

    """
    return _load(spec, cache_dir=cache_dir, show_progress=show_progress).to(device)


def _load(spec: BackboneSpec, *, cache_dir: Path | None, show_progress: bool) -> Backbone:
    name, revision = model_name(spec), model_revision(spec)
    if spec.kind == "embedded":
        sizes = FAST_SIZES if spec.notation == FAST_MODEL else FINE_SIZES
        return load_mini(EMBEDDED_WEIGHTS, name=name, revision=revision, sizes=sizes)
    if spec.path is not None and spec.architecture is not None:
        return load_bare(spec.architecture, find_weights(spec.path), name=name, revision=revision)
    if spec.path is not None:
        return load_checkpoint(spec.path, name=name, revision=revision)
    if spec.architecture is None or spec.pretrained is None:
        raise UnknownModelError(f"{spec.notation!r} names neither a file nor published weights")
    return load_published(
        spec.architecture,
        spec.pretrained,
        name=name,
        revision=revision,
        cache_dir=cache_dir,
        show_progress=show_progress,
    )
