"""zegclip-mini: an open_clip CLIP with a MobileNetV2 stem, described by the card beside its weights."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from zegclip_core.backbones.backbone import Backbone, InputSizes
from zegclip_core.backbones.notation import PACKAGED_WEIGHTS, file_digest
from zegclip_core.backbones.stem import STEM_STRIDE, MobileNetStem
from zegclip_core.errors import WeightsError
from zegclip_core.guarded_open_clip import open_clip
from zegclip_core.templates import MINI_TEMPLATES

EMBEDDED_WEIGHTS = PACKAGED_WEIGHTS / "zegclip-mini-v2.safetensors"
# Trained at about 320 pixels, where large things are told best; 512 finds small ones (see docs/results.md).
FINE_SIZES = InputSizes(multiple=32, long_side=512, context_side=320)
FAST_SIZES = InputSizes(multiple=32, long_side=320)
_QUANTISED = "token_embedding.weight"
_SCALE = "token_embedding.weight_scale"


def load_mini(weights: Path, *, name: str, revision: str, sizes: InputSizes = FINE_SIZES) -> Backbone:
    """Load zegclip-mini weights and the card `NAME.json` beside them.

    Raises `WeightsError` when a file is missing, altered (SHA-256 of the card) or of another architecture.
    """
    card = read_card(weights)
    digest = checked_digest(weights, str(card["sha256"]))
    clip = build_clip(card["arch"])
    try:
        clip.load_state_dict(dequantised(load_file(weights)))
    except (RuntimeError, SafetensorError) as error:
        raise WeightsError(f"{weights} does not fit the architecture in its card: {error}") from error
    clip.visual.conv1.to(memory_format=torch.channels_last)
    context_length = int(card["arch"]["text_cfg"]["context_length"])
    return Backbone(
        clip=clip,
        # The text tower's mask has the full context's size, so that sentences are always padded to it.
        tokenizer=open_clip.SimpleTokenizer(context_length=context_length),
        name=name,
        revision=revision,
        digest=digest,
        stride=STEM_STRIDE,
        sizes=sizes,
        image_mean=card["image_mean"],
        image_std=card["image_std"],
        none_cosine=float(card["other_cos"]),
        templates=MINI_TEMPLATES,
    )


def has_card(weights: Path) -> bool:
    """Whether a card lies beside a weight file, so that it is of this architecture."""
    return weights.with_suffix(".json").is_file()


def read_card(weights: Path) -> dict[str, Any]:
    """Read the description beside a weight file; `WeightsError` when it is missing or is not one."""
    path = weights.with_suffix(".json")
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WeightsError(f"no card {path} beside the weights: both files belong together") from error
    except ValueError as error:
        raise WeightsError(f"{path} is not a model card: {error}") from error
    missing = {"arch", "image_mean", "image_std", "other_cos", "sha256"} - set(card)
    if missing:
        raise WeightsError(f"{path} is not a model card: it lacks {', '.join(sorted(missing))}")
    return card


def checked_digest(weights: Path, expected: str) -> str:
    """Return the file's SHA-256; raise `WeightsError` when it is not the expected one or there is no file."""
    if not weights.is_file():
        raise WeightsError(f"no weights at {weights}: install the package again")
    digest = file_digest(weights)
    if digest != expected:
        raise WeightsError(
            f"{weights} has been altered: its SHA-256 is {digest}, its card says {expected}. Fetch it again"
        )
    return digest


def build_clip(architecture: dict[str, Any]) -> Any:
    """Build an untrained CLIP of the card's architecture with the stem in place of its patch convolution."""
    clip = open_clip.CLIP(**architecture)
    clip.visual.conv1 = MobileNetStem(int(architecture["vision_cfg"]["width"]))
    return clip


def dequantised(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict in float32, its 8-bit token table (V, W) multiplied by each row's scale (V, 1)."""
    floats = {key: value.float() for key, value in state.items()}
    scale = floats.pop(_SCALE, None)
    if scale is not None:
        floats[_QUANTISED] = floats[_QUANTISED] * scale
    return floats
