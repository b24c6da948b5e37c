"""Tells what a file is when it is not one of the published ZegCLIP models, before anything is built of it."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zegclip_core.checkpoints.upstream_layout import has_influence
from zegclip_core.errors import UpstreamCheckpointError

# A tensor's name that gives a relative of ZegCLIP away, and who that is.
_RELATIVES = (
    (r"decode_head\.(cascade_decoders|q_projs|weights_s\d)", "Cascade-CLIP"),
    (r"decode_head\.(recovery_decoder|lateral_proj|decoder_[qv])", "CLIP-RC"),
    (r"decode_head\.(relationship_discriptor|disc_token)", "TagCLIP"),
    (r"contexts$", "OTSeg with learned text prompts, or DenseCLIP"),
)
_MODEL_TYPE = re.compile(r"""type=['"](OTSeg|CLIPRC|CascadeCLIP|TagCLIP|DenseCLIP)['"]""")
_PLAIN_CLIP = re.compile(r"(visual\.|vision_model\.|vision\.)")
_NAMED = 5


def require_zegclip(state: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Raise `UpstreamCheckpointError` for plain CLIPs and relatives of ZegCLIP, naming what they are.

    OTSeg's tensors have the names and shapes of ZegCLIP's; only the training configuration that mmcv keeps
    beside them tells the two apart.
    """
    if any(_PLAIN_CLIP.match(name) for name in state):
        raise UpstreamCheckpointError(
            "it is a plain CLIP without prompts and decoder: use it as a backbone, such as "
            "ViT-B-16/path/to/file.pt"
        )
    for pattern, relative in _RELATIVES:
        found = next((name for name in state if re.match(pattern, name)), None)
        if found is not None:
            raise UpstreamCheckpointError(f"it is a {relative} ({found}), another model: load a ZegCLIP file")
    configured = _MODEL_TYPE.search(str(meta.get("config", "")))
    if configured is not None:
        raise UpstreamCheckpointError(
            f"its configuration says type={configured[1]!r}, another model: load a ZegCLIP file"
        )


def require_complete(state: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Raise `UpstreamCheckpointError` for missing, unknown, misshapen or infinite tensors."""
    missing = sorted(set(expected) - set(state))
    if missing:
        raise UpstreamCheckpointError(f"it lacks {_some(missing)}: the download may be incomplete")
    unknown = sorted(name for name in state if name not in expected and has_influence(name))
    if unknown:
        raise UpstreamCheckpointError(f"it holds {_some(unknown)}, which ZegCLIP does not have")
    wrong = [
        f"{name} {tuple(state[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if tuple(state[name].shape) != shape
    ]
    if wrong:
        raise UpstreamCheckpointError(f"shapes do not fit together: {_some(wrong)}")
    senseless = [name for name in expected if not bool(torch.isfinite(state[name]).all())]
    if senseless:
        raise UpstreamCheckpointError(f"values are infinite or no numbers: {_some(senseless)}")


def _some(names: list[str]) -> str:
    rest = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + rest
