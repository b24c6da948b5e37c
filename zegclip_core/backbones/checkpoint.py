"""Checkpoints of the user's that say themselves what they are made for."""

import json
from pathlib import Path
from typing import Any

from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.mini import has_card, load_mini
from zegclip_core.backbones.notation import CHECKPOINT_MANIFEST, find_weights
from zegclip_core.backbones.open_clip_models import backbone_of, load_weights
from zegclip_core.errors import UnsupportedArchitectureError, WeightsError
from zegclip_core.guarded_open_clip import open_clip
from zegclip_core.visual_tower import require_plain_vit

_OPEN_CLIP_CONFIG = "open_clip_config.json"


def load_checkpoint(path: Path, *, name: str, revision: str) -> Backbone:
    """Load a weight file, or the one in a folder, by the description that lies beside it.

    A card `NAME.json` beside `NAME.safetensors` describes a model made like zegclip-mini, a file
    `open_clip_config.json` one that open_clip saved. Raises `WeightsError` when there is neither or the
    weights do not fit or belong to a trained model, `UnsupportedArchitectureError` when its image tower is no
    plain ViT.
    """
    weights = find_weights(path)
    if (weights.parent / CHECKPOINT_MANIFEST).is_file():
        raise WeightsError(
            f"{path} is a trained model, not a CLIP to train on: name what it stands on, which is in its "
            f"{CHECKPOINT_MANIFEST} under backbone; `zegclip train --start-from` goes on from it"
        )
    config = weights.parent / _OPEN_CLIP_CONFIG
    if has_card(weights):
        return load_mini(weights, name=name, revision=revision)
    if config.is_file():
        return _load_described(weights, config, name=name, revision=revision)
    raise WeightsError(
        f"{weights} does not say what it is made for: put its card {weights.with_suffix('.json').name} or "
        f"{_OPEN_CLIP_CONFIG} beside it, or name its architecture first, such as ViT-B-16/{weights.name}"
    )


def _load_described(weights: Path, config: Path, *, name: str, revision: str) -> Backbone:
    description = _read_config(config)
    architecture, scale = description["model_cfg"], description.get("preprocess_cfg", {})
    text = architecture.get("text_cfg", {})
    if "hf_model_name" in text or "hf_tokenizer_name" in text:
        raise UnsupportedArchitectureError(f"{config} reads text with files of another package")
    try:
        clip = open_clip.CLIP(**architecture)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{config} describes no model that open_clip can build: {error}") from error
    require_plain_vit(clip.visual)
    load_weights(clip, weights)
    context = text.get("context_length", open_clip.tokenizer.DEFAULT_CONTEXT_LENGTH)
    return backbone_of(
        clip,
        tokenizer=open_clip.SimpleTokenizer(context_length=int(context)),
        name=name,
        revision=revision,
        weights=weights,
        image_mean=scale.get("mean", open_clip.OPENAI_DATASET_MEAN),
        image_std=scale.get("std", open_clip.OPENAI_DATASET_STD),
    )


def _read_config(path: Path) -> dict[str, Any]:
    try:
        description: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        complete = "model_cfg" in description
    except (ValueError, TypeError) as error:
        raise WeightsError(f"{path} is not open_clip's description of a model: {error}") from error
    if not complete:
        raise WeightsError(f"{path} is not open_clip's description of a model: it lacks model_cfg")
    return description
