"""Loads the files that the authors of ZegCLIP published, without mmcv, mmsegmentation or a download."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zegclip_core.checkpoints.upstream_check import require_complete, require_zegclip
from zegclip_core.checkpoints.upstream_layout import UpstreamSizes, expected_shapes, own_state, read_sizes
from zegclip_core.errors import UpstreamCheckpointError
from zegclip_core.guarded_open_clip import open_clip
from zegclip_core.zegclip.model import ZegCLIP
from zegclip_core.zegclip.options import IMAGENET_MEAN, IMAGENET_STD, released_options

_PARALLEL_PREFIX = "module."


@dataclass(frozen=True, slots=True)
class UpstreamFile:
    """What an mmcv file holds.

    Attributes:
        state: tensors by the authors' names.
        meta: what mmcv notes beside them: configuration, class names, iteration.

    """

    state: Mapping[str, Tensor]
    meta: Mapping[str, Any]


def load_upstream_checkpoint(path: str | Path) -> ZegCLIP:
    """Load a published ZegCLIP `.pth` file; its own copy of CLIP's image tower is used, nothing is fetched.

    Sizes are read off the tensors' shapes. The model has the quirks of the release as options (see
    `released_options`); images go through its `normalise`, which uses ImageNet's mean and deviation. The text
    tower in the file, if there is one, is not needed: text features come from the caller.

    Args:
        path: a file with 376 tensors, or 227 without text tower, as mmcv saves it; a bare state dict or one
            of a parallel model (`module.`) will do.

    Returns the model on the CPU in evaluation mode, its image tower frozen.

    Raises `UpstreamCheckpointError` that says what is wrong with the file: not there, not readable without
    running its code, a plain CLIP, a relative such as OTSeg, CLIP-RC or Cascade-CLIP, tensors that are
    missing or of another shape.

    """
    path = Path(path)
    try:
        return build_upstream(read_upstream(path).state)
    except UpstreamCheckpointError as error:
        raise UpstreamCheckpointError(f"{path} is no published ZegCLIP model: {error}") from error


def read_upstream(path: Path) -> UpstreamFile:
    """Read a file's tensors without running any code in it; errors as for `load_upstream_checkpoint`."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise UpstreamCheckpointError("there is no such file, check the path") from error
    # A damaged or foreign file makes the reader raise anything.
    except Exception as error:
        if "TorchScript" in str(error):
            raise UpstreamCheckpointError("it is a TorchScript archive, as OpenAI's plain CLIP") from error
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UpstreamCheckpointError(f"it cannot be read as plain tensors ({reason})") from error
    meta = content.get("meta", {}) if isinstance(content, dict) else {}
    state = content.get("state_dict", content) if isinstance(content, dict) else {}
    tensors = {
        str(name).removeprefix(_PARALLEL_PREFIX): tensor
        for name, tensor in state.items()
        if isinstance(tensor, Tensor)
    }
    if not tensors:
        raise UpstreamCheckpointError("it holds no state dict")
    require_zegclip(tensors, meta if isinstance(meta, dict) else {})
    return UpstreamFile(state=tensors, meta=meta)


def build_upstream(state: Mapping[str, Tensor]) -> ZegCLIP:
    """Build a model of tensors by the authors' names; `UpstreamCheckpointError` where they do not fit."""
    sizes = read_sizes(state)
    model = ZegCLIP(
        visual=_empty_tower(sizes),
        stride=sizes.patch,
        image_mean=IMAGENET_MEAN,
        image_std=IMAGENET_STD,
        options=released_options(
            prompt_tokens=sizes.prompts, decoder_layers=sizes.decoder_layers, position_grid=sizes.grid
        ),
    )
    expected = model.state_dict()
    require_complete(state, expected_shapes(expected))
    model.load_state_dict(own_state(state, expected), assign=True)
    return model.eval()


def _empty_tower(sizes: UpstreamSizes) -> nn.Module:
    """OpenAI's image tower without values: they are assigned, so that none need be drawn."""
    if sizes.width % sizes.head_width:
        raise UpstreamCheckpointError(f"a width of {sizes.width} is no multiple of {sizes.head_width}")
    with torch.device("meta"):
        tower: nn.Module = open_clip.transformer.VisionTransformer(
            image_size=tuple(side * sizes.patch for side in sizes.grid),
            patch_size=sizes.patch,
            width=sizes.width,
            layers=sizes.layers,
            heads=sizes.width // sizes.head_width,
            mlp_ratio=4.0,
            output_dim=sizes.dim,
            act_layer=open_clip.transformer.QuickGELU,
        )
    return tower
