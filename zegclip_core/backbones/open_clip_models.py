"""open_clip's own CLIPs as backbones: architectures by name, settings of published weights, bare files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zegclip_core.backbones.backbone import Backbone, InputSizes
from zegclip_core.backbones.notation import file_digest
from zegclip_core.backbones.published import find_or_download, pretrained_config
from zegclip_core.errors import UnsupportedArchitectureError, WeightsError
from zegclip_core.guarded_open_clip import open_clip
from zegclip_core.templates import IMAGENET_TEMPLATES
from zegclip_core.visual_tower import require_plain_vit

# Windows of the size of training over an image with half as many pixels more on its short side
# (SCLIP, NACLIP and the methods after them: 224 over 336).
_SHORT_SIDE_TO_WINDOW = 1.5


def load_published(
    architecture: str,
    pretrained: str,
    *,
    name: str,
    revision: str,
    cache_dir: Path | None,
    show_progress: bool,
) -> Backbone:
    """Load weights that open_clip publishes, with the activation and pixel scale they were trained with.

    Raises `UnknownModelError`, `UnsupportedArchitectureError`, `DownloadError`, `WeightsError`.
    """
    config = pretrained_config(architecture, pretrained)
    clip = build_open_clip(architecture, quick_gelu=bool(config.get("quick_gelu")))
    weights = find_or_download(architecture, pretrained, cache_dir=cache_dir, show_progress=show_progress)
    load_weights(clip, weights)
    return backbone_of(
        clip,
        tokenizer=open_clip.get_tokenizer(architecture),
        name=name,
        revision=revision,
        weights=weights,
        image_mean=config["mean"],
        image_std=config["std"],
    )


def load_bare(architecture: str, weights: Path, *, name: str, revision: str) -> Backbone:
    """Load a state dict for an architecture of open_clip; pixels are scaled as OpenAI's CLIP expects.

    Raises `UnsupportedArchitectureError`, `WeightsError`.
    """
    clip = build_open_clip(architecture)
    load_weights(clip, weights)
    return backbone_of(
        clip,
        tokenizer=open_clip.get_tokenizer(architecture),
        name=name,
        revision=revision,
        weights=weights,
        image_mean=open_clip.OPENAI_DATASET_MEAN,
        image_std=open_clip.OPENAI_DATASET_STD,
    )


def build_open_clip(architecture: str, *, quick_gelu: bool = False) -> Any:
    """Build an untrained CLIP by open_clip's name, before anything is downloaded for it.

    Raises `UnsupportedArchitectureError` unless it is a plain ViT with open_clip's own tokenizer.
    """
    config: dict[str, Any] = open_clip.get_model_config(architecture)
    text: dict[str, Any] = config.get("text_cfg", {})
    if "hf_model_name" in text or "hf_tokenizer_name" in text:
        raise UnsupportedArchitectureError(
            f"{architecture} reads text with files of another package: choose a plain ViT such as "
            "ViT-B-16/openai, or zegclip-mini"
        )
    clip = open_clip.create_model(architecture, load_weights=False, force_quick_gelu=quick_gelu)
    require_plain_vit(clip.visual)
    return clip


def load_weights(clip: Any, weights: Path) -> None:
    """Copy a weight file into a model, positions resized to its grid; `WeightsError` when it does not fit."""
    try:
        open_clip.load_checkpoint(clip, str(weights), strict=True, weights_only=True)
    # What a broken or foreign file raises depends on the reader of its format.
    except Exception as error:
        raise WeightsError(f"{weights} cannot be loaded into this architecture: {error}") from error


def backbone_of(
    clip: Any,
    *,
    tokenizer: Any,
    name: str,
    revision: str,
    weights: Path,
    image_mean: Sequence[float],
    image_std: Sequence[float],
) -> Backbone:
    """Wrap a loaded CLIP whose image tower is a plain ViT."""
    stride = int(clip.visual.patch_size[0])
    window = int(clip.visual.image_size[0])
    return Backbone(
        clip=clip,
        tokenizer=tokenizer,
        name=name,
        revision=revision,
        digest=file_digest(weights),
        stride=stride,
        sizes=InputSizes(
            multiple=stride, short_side=round(window * _SHORT_SIDE_TO_WINDOW / stride) * stride, window=window
        ),
        image_mean=image_mean,
        image_std=image_std,
        none_cosine=None,
        templates=IMAGENET_TEMPLATES,
    )
