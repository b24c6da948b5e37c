"""Write an embedded model: weights in half precision, and the card that goes with them."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from training.errors import ConfigurationError
from zegclip_core.atomic_files import write_atomically
from zegclip_core.backbones.mini import read_card

_LOGIT_SCALE, _NONE_COSINE = "logit_scale", "none_cosine"
_TABLE, _TABLE_SCALE = "token_embedding.weight", "token_embedding.weight_scale"
_OF_THE_OLD_TOWER = {"training", "train_seconds", "data", "parity", "revision"}
_TEXT_STAGE = "words"


def pack(
    start: Path,
    trained: Mapping[str, Tensor],
    out: Path,
    *,
    training: Mapping[str, Any],
    new_tower: bool = False,
) -> Path:
    """Write `out` (safetensors) and its card, with the trained tensors in place of those of `start`.

    Args:
        start: weights of the embedded model that training continued from, with their card.
        trained: tensors of either tower, `logit_scale` (its logarithm) and `none_cosine`.
        out: where the new weights go; the card lies beside them.
        training: the recipe, for the card.
        new_tower: whether the image tower owes nothing to that of `start`, so that the card drops what it
            tells of it.

    Returns the card's path. Raises `ConfigurationError` for a tensor that the model does not have.

    """
    stored = load_file(start)
    card = read_card(start)
    if new_tower:
        card = {name: value for name, value in card.items() if name not in _OF_THE_OLD_TOWER}
        card["stages"] = [one for one in card.get("stages", []) if one["name"] == _TEXT_STAGE]
    for name, tensor in trained.items():
        if name == _NONE_COSINE:
            card["other_cos"] = float(tensor.detach())
            continue
        if name not in stored or stored[name].shape != tensor.shape:
            raise ConfigurationError(f"{start} has no tensor {name} of shape {tuple(tensor.shape)}")
        if name == _TABLE and _TABLE_SCALE in stored:
            _store_table(stored, tensor.detach().cpu().float())
            continue
        stored[name] = tensor.detach().cpu().to(torch.float16).contiguous()
    card["logit_scale"] = float(torch.exp(stored[_LOGIT_SCALE].float()))
    content = save(stored)
    card["sha256"] = hashlib.sha256(content).hexdigest()
    card["stages"] = [*card.get("stages", []), dict(training)]
    write_atomically(out, content)
    path = out.with_suffix(".json")
    write_atomically(path, (json.dumps(card, indent=1) + "\n").encode())
    return path


def _store_table(stored: dict[str, Tensor], table: Tensor) -> None:
    """Store the token table (V, W) as 8-bit rows with a scale each; rows that did not move stay the same."""
    scales = stored[_TABLE_SCALE]
    moved = (table != stored[_TABLE].float() * scales.float()).any(dim=1)
    fresh = (table[moved].abs().amax(dim=1, keepdim=True) / 127).clamp_min(1e-6).to(scales.dtype)
    stored[_TABLE_SCALE] = scales.clone()
    stored[_TABLE_SCALE][moved] = fresh
    stored[_TABLE] = stored[_TABLE].clone()
    stored[_TABLE][moved] = (table[moved] / fresh.float()).round().clamp(-127, 127).to(torch.int8)
