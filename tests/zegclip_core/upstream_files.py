"""Small files in the layout of the authors' mmcv checkpoints: all 376 tensors, narrow ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

WIDTH, PATCH, SIDE, LAYERS = 64, 4, 3, 12
DIM, PROMPTS, DECODER_LAYERS = 16, 3, 3
TEXT_WIDTH, CONTEXT, VOCABULARY = 64, 77, 49408


def upstream_state(seed: int = 0, *, vocabulary: int = VOCABULARY) -> dict[str, Tensor]:
    """Random weights, large enough that every part of the model shows in its output."""
    generator = torch.Generator().manual_seed(seed)
    state = {}
    for name, shape in [*_backbone(), *_text_tower(vocabulary), *_decode_head()]:
        values = torch.randn(shape, generator=generator)
        fan_in = shape[-1] if len(shape) == 2 else 1
        if "norm" in name or ".ln_" in name:
            values = 1 + 0.2 * values if name.endswith("weight") else 0.2 * values
        elif name.endswith("bias"):
            values = 0.2 * values
        elif name == "backbone.conv1.weight":
            values = values / (3 * PATCH * PATCH) ** 0.5
        elif "multihead_attn.q." in name or "multihead_attn.k." in name:
            values = 3 * values / fan_in**0.5
        elif len(shape) == 2 and "embedding" not in name:
            values = values / fan_in**0.5
        state[name] = values
    return state


def save_upstream(path: Path, state: dict[str, Tensor], *, model_type: str = "ZegCLIP") -> Path:
    """Write a file as mmcv does: meta, state_dict and the optimiser's state."""
    content: dict[str, Any] = {
        "meta": {
            "mmseg_version": "0.24.0",
            "config": f"model = dict(\n    type='{model_type}',\n    backbone=dict(...))",
            "CLASSES": ("aeroplane", "bicycle"),
            "iter": 20000,
        },
        "state_dict": state,
        "optimizer": {"state": {}, "param_groups": [{"lr": 1e-6, "params": [0]}]},
    }
    torch.save(content, path)
    return path


def without_text_tower(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.startswith("text_encoder.")}


def as_arrays(state: dict[str, Tensor]) -> dict[str, NDArray[np.float64]]:
    return {name: tensor.double().numpy() for name, tensor in without_text_tower(state).items()}


def _backbone() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "backbone.class_embedding", (WIDTH,)
    yield "backbone.positional_embedding", (SIDE * SIDE + 1, WIDTH)
    yield "backbone.proj", (WIDTH, DIM)
    yield "backbone.prompt_embeddings", (1, PROMPTS, WIDTH)
    yield "backbone.deep_prompt_embeddings", (LAYERS - 1, PROMPTS, WIDTH)
    yield "backbone.conv1.weight", (WIDTH, 3, PATCH, PATCH)
    for norm in ("ln_pre", "ln_post", "prompt_norm"):
        yield from _affine(f"backbone.{norm}", WIDTH)
    yield from _linear("backbone.prompt_proj", WIDTH, WIDTH)
    yield from _blocks("backbone", WIDTH)


def _text_tower(vocabulary: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "text_encoder.positional_embedding", (CONTEXT, TEXT_WIDTH)
    yield "text_encoder.text_projection", (TEXT_WIDTH, DIM)
    yield "text_encoder.token_embedding.weight", (vocabulary, TEXT_WIDTH)
    yield from _affine("text_encoder.ln_final", TEXT_WIDTH)
    yield from _blocks("text_encoder", TEXT_WIDTH)


def _decode_head() -> Iterator[tuple[str, tuple[int, ...]]]:
    yield from _linear("decode_head.q_proj", DIM, 2 * DIM)
    for layer in range(DECODER_LAYERS):
        name = f"decode_head.decoder_1.layers.{layer}"
        yield from _attention(f"{name}.self_attn", DIM)
        yield from _linear(f"{name}.linear1", 4 * DIM, DIM)
        yield from _linear(f"{name}.linear2", DIM, 4 * DIM)
        for norm in ("norm1", "norm2", "norm3"):
            yield from _affine(f"{name}.{norm}", DIM)
        for part in ("q", "k", "v", "proj"):
            yield from _linear(f"{name}.multihead_attn.{part}", DIM, DIM)
    yield "decode_head.loss_decode.criterion.empty_weight", (16,)


def _blocks(tower: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for layer in range(LAYERS):
        name = f"{tower}.transformer.resblocks.{layer}"
        yield from _attention(f"{name}.attn", width)
        yield from _affine(f"{name}.ln_1", width)
        yield from _linear(f"{name}.mlp.c_fc", 4 * width, width)
        yield from _linear(f"{name}.mlp.c_proj", width, 4 * width)
        yield from _affine(f"{name}.ln_2", width)


def _attention(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.in_proj_weight", (3 * width, width)
    yield f"{name}.in_proj_bias", (3 * width,)
    yield from _linear(f"{name}.out_proj", width, width)


def _linear(name: str, outputs: int, inputs: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (outputs, inputs)
    yield f"{name}.bias", (outputs,)


def _affine(name: str, width: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)
