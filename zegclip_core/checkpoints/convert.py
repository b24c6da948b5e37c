"""From a published `.pth` file to a compact checkpoint with class names."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from zegclip_core.backbones.backbone import Backbone, InputSizes
from zegclip_core.checkpoints.compact import save_checkpoint
from zegclip_core.checkpoints.facts import BackboneReference, CheckpointFacts, TrainedClass
from zegclip_core.checkpoints.upstream import build_upstream, read_upstream
from zegclip_core.checkpoints.upstream_layout import TEXT_TOWER
from zegclip_core.errors import BackboneMismatchError, UpstreamCheckpointError
from zegclip_core.zegclip.model import ZegCLIP

_BACKBONE_FOLDER = "backbone"
_OPENAI_LOGIT_SCALE = math.log(100)
_HEAD_WIDTH = 64
# OpenAI published half precision; a copy that went through it differs by less.
_SAME_WEIGHT = 1e-3


def convert_upstream(
    source: Path,
    folder: Path,
    *,
    name: str,
    classes: Sequence[TrainedClass],
    templates: Sequence[str],
    seen_bias: float = 0.1,
    none_probability: float | None = 0.5,
    backbone: Backbone | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> str:
    """Turn a published file into a compact checkpoint that `build_segmenter` takes.

    Args:
        source: the authors' `.pth` file.
        folder: where the checkpoint goes.
        name: what predictions call it.
        classes: what it was trained for, which the file does not say.
        templates: the sentences of its text features: one for VOC, 15 for COCO-Stuff (`templates.py`).
        seen_bias: 0.1 for inductive models, 0 for transductive ones, as released.
        none_probability: the probability below which a patch is none of the words.
        backbone: the CLIP to refer to, such as ViT-B-16/openai; when None, the file's own image and text
            tower are written into the checkpoint's folder, in half precision where nothing is lost.
        metrics: published or measured figures for the manifest.

    Returns the SHA-256 of the weights. Raises `UpstreamCheckpointError` for a file that is no ZegCLIP or,
    without `backbone`, lacks the text tower; `BackboneMismatchError` for a backbone with other weights;
    `CheckpointWriteError`.

    """
    state = read_upstream(source).state
    model = build_upstream(state)
    beside: dict[str, bytes] = {}
    if backbone is None:
        weights = save(_open_clip_state(source, state))
        reference = BackboneReference(
            notation=f"the CLIP inside {source.name}",
            digest=hashlib.sha256(weights).hexdigest(),
            folder=_BACKBONE_FOLDER,
        )
        beside = {
            f"{_BACKBONE_FOLDER}/clip.safetensors": weights,
            f"{_BACKBONE_FOLDER}/open_clip_config.json": json.dumps(_open_clip_config(model, state)).encode(),
        }
    else:
        _require_same_tower(model, backbone)
        reference = BackboneReference(notation=backbone.name, digest=backbone.digest)
    side = model.tower.visual.image_size[0]
    facts = CheckpointFacts(
        name=name,
        backbone=reference,
        options=model.options,
        sizes=InputSizes(multiple=model.stride, short_side=side, window=side),
        templates=tuple(templates),
        classes=tuple(classes),
        seen_bias=seen_bias,
        none_probability=none_probability,
        recipe={"converted_from": source.name},
        metrics=dict(metrics or {}),
    )
    return save_checkpoint(folder, model, facts, beside=beside)


def _open_clip_state(source: Path, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The frozen CLIP in the file, by open_clip's names."""
    text = {name.removeprefix(TEXT_TOWER): t for name, t in state.items() if name.startswith(TEXT_TOWER)}
    if not text:
        raise UpstreamCheckpointError(
            f"{source} has no text tower: name the backbone that gives text features, such as ViT-B-16/openai"
        )
    image = {
        name.replace("backbone.", "visual.", 1): t
        for name, t in state.items()
        if name.startswith("backbone.") and "prompt" not in name
    }
    scale = {"logit_scale": torch.tensor(_OPENAI_LOGIT_SCALE)}
    return {name: _half_if_exact(tensor) for name, tensor in {**image, **text, **scale}.items()}


def _half_if_exact(tensor: Tensor) -> Tensor:
    half = tensor.half()
    return (half if torch.equal(half.float(), tensor.float()) else tensor.float()).contiguous()


def _open_clip_config(model: ZegCLIP, state: Mapping[str, Tensor]) -> dict[str, Any]:
    """open_clip's description of that CLIP, all sizes read off the tensors."""
    tower = model.tower.visual
    context, width = state[f"{TEXT_TOWER}positional_embedding"].shape
    vocabulary = state[f"{TEXT_TOWER}token_embedding.weight"].shape[0]
    layers = {name.split(".")[3] for name in state if name.startswith(f"{TEXT_TOWER}transformer.resblocks.")}
    return {
        "model_cfg": {
            "embed_dim": model.embed_dim,
            "quick_gelu": True,
            "vision_cfg": {
                "image_size": list(tower.image_size),
                "patch_size": model.stride,
                "width": model.tower.width,
                "layers": len(model.tower.blocks),
                "head_width": _HEAD_WIDTH,
            },
            "text_cfg": {
                "context_length": context,
                "vocab_size": vocabulary,
                "width": width,
                "heads": width // _HEAD_WIDTH,
                "layers": len(layers),
            },
        }
    }


def _require_same_tower(model: ZegCLIP, backbone: Backbone) -> None:
    """Compare the file's frozen image tower with a backbone's, positions aside: the release resized them."""
    theirs = model.tower.visual.state_dict()
    given = backbone.clip.visual.state_dict()
    for name, tensor in theirs.items():
        if name == "positional_embedding":
            continue
        other = given.get(name)
        same = other is not None and other.shape == tensor.shape
        if other is None or not same or float((other.cpu().float() - tensor).abs().max()) > _SAME_WEIGHT:
            raise BackboneMismatchError(
                f"{backbone.name} is not the CLIP inside the file ({name} differs): leave the backbone out, "
                "and the file's own is written, or name ViT-B-16/openai"
            )
