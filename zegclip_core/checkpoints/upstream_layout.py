"""The names and sizes of tensors in the authors' mmcv files, as their code lays them out.

Layout of ZiqinZhou66/ZegCLIP: `backbone.` is CLIP's image tower with prompts, `decode_head.` descriptor and
decoder, `text_encoder.` CLIP's text tower, which the model never runs.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from zegclip_core.errors import UpstreamCheckpointError

TEXT_TOWER = "text_encoder."
FIRST_PROMPTS = "backbone.prompt_embeddings"
DEEP_PROMPTS = "backbone.deep_prompt_embeddings"
_OWN_PROMPTS = "encoder.prompts.embeddings"
_HEAD_WIDTH = 64

# This package's name of a part and the authors'.
_PARTS = (
    ("encoder.prompts.projection.", "backbone.prompt_proj."),
    ("encoder.prompts.norm.", "backbone.prompt_norm."),
    ("encoder.tower.visual.", "backbone."),
    ("descriptor.projection.", "decode_head.q_proj."),
    ("decoder.layers.", "decode_head.decoder_1.layers."),
    (".attention.query.", ".multihead_attn.q."),
    (".attention.key.", ".multihead_attn.k."),
    (".attention.value.", ".multihead_attn.v."),
    (".attention.projection.", ".multihead_attn.proj."),
    (".attention_norm.", ".norm2."),
    (".expand.", ".linear1."),
    (".contract.", ".linear2."),
    (".feed_forward_norm.", ".norm3."),
)
# What the decoder never calls, the text tower, and a buffer of the loss.
_WITHOUT_INFLUENCE = re.compile(
    r"text_encoder\.|decode_head\.decoder_1\.layers\.\d+\.(self_attn|norm1)\.|decode_head\.loss_decode\."
)


@dataclass(frozen=True, slots=True)
class UpstreamSizes:
    """The sizes of a published model, all visible in its tensors' shapes.

    Attributes:
        width: channels of the image tower.
        patch: side of a patch in pixels.
        grid: rows and columns of the position table.
        layers: blocks of the image tower.
        dim: channels D of the space that images and texts share.
        prompts: prompt tokens N for each block.
        decoder_layers: cross-attention layers.

    """

    width: int
    patch: int
    grid: tuple[int, int]
    layers: int
    dim: int
    prompts: int
    decoder_layers: int

    @property
    def head_width(self) -> int:
        """Channels of an attention head of the image tower, 64 in every CLIP."""
        return _HEAD_WIDTH


def read_sizes(state: Mapping[str, Tensor]) -> UpstreamSizes:
    """Read the sizes off the tensors; raise `UpstreamCheckpointError` where one is missing or senseless."""
    conv = _shape(state, "backbone.conv1.weight", 4)
    positions = _shape(state, "backbone.positional_embedding", 2)
    side = math.isqrt(max(positions[0] - 1, 0))
    if side * side + 1 != positions[0]:
        raise UpstreamCheckpointError(
            f"the position table has {positions[0]} rows: expected one and a square number, such as 1025"
        )
    return UpstreamSizes(
        width=conv[0],
        patch=conv[2],
        grid=(side, side),
        layers=_count(state, r"backbone\.transformer\.resblocks\.(\d+)\."),
        dim=_shape(state, "backbone.proj", 2)[1],
        prompts=_shape(state, FIRST_PROMPTS, 3)[1],
        decoder_layers=_count(state, r"decode_head\.decoder_1\.layers\.(\d+)\."),
    )


def expected_shapes(own: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Turn the state dict of a `ZegCLIP` into the authors' names and shapes."""
    shapes = {_upstream_name(name): tuple(tensor.shape) for name, tensor in own.items()}
    layers, tokens, width = own[_OWN_PROMPTS].shape
    return shapes | {FIRST_PROMPTS: (1, tokens, width), DEEP_PROMPTS: (layers - 1, tokens, width)}


def own_state(state: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    """Return the tensors that `ZegCLIP` calls by `names`, in float32, out of the authors' state dict."""
    first_and_deep = torch.cat((state[FIRST_PROMPTS], state[DEEP_PROMPTS]))
    return {
        name: (first_and_deep if name == _OWN_PROMPTS else state[_upstream_name(name)]).float()
        for name in names
    }


def has_influence(upstream: str) -> bool:
    """Whether a tensor of the authors' file takes part in the output."""
    return _WITHOUT_INFLUENCE.match(upstream) is None


def _upstream_name(own: str) -> str:
    if own == _OWN_PROMPTS:
        return FIRST_PROMPTS
    for ours, theirs in _PARTS:
        own = own.replace(ours, theirs)
    return own


def _shape(state: Mapping[str, Tensor], name: str, dimensions: int) -> tuple[int, ...]:
    if name not in state:
        raise UpstreamCheckpointError(f"it lacks {name}: expected a ZegCLIP with deep prompts")
    shape = tuple(state[name].shape)
    if len(shape) != dimensions or 0 in shape:
        raise UpstreamCheckpointError(f"{name} has the shape {shape}: expected {dimensions} sides above 0")
    return shape


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    return len({match[1] for name in state if (match := re.match(pattern, name))})
