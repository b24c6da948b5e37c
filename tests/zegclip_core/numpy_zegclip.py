"""ZegCLIP once more, in plain numpy and double precision, written from the paper and the layout of its files.

It works on tensors by the authors' names and shares nothing with the package, so that it can be wrong only in
other ways.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
State = Mapping[str, Array]
TOWER_HEAD_WIDTH = 64
DECODER_HEADS = 8


def layer_norm(x: Array, weight: Array, bias: Array, epsilon: float = 1e-5) -> Array:
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * weight + bias


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def linear(x: Array, state: State, name: str) -> Array:
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def unit(x: Array) -> Array:
    return x / np.sqrt((x**2).sum(axis=-1, keepdims=True))


def attend(q: Array, k: Array, v: Array, heads: int) -> tuple[Array, Array]:
    """One image: queries (C, D) and keys (n, D) give (C, D), and every head's scores (heads, C, n)."""
    width = q.shape[1] // heads
    outputs, scores = [], []
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        score = q[:, part] @ k[:, part].T / np.sqrt(width)
        scores.append(score)
        outputs.append(softmax(score) @ v[:, part])
    return np.concatenate(outputs, axis=1), np.stack(scores)


def bilinear(image: Array, height: int, width: int) -> Array:
    """Resize (h, w, C) with pixel centres at half numbers and borders repeated."""
    h, w, channels = image.shape
    out = np.zeros((height, width, channels))
    for row in range(height):
        for column in range(width):
            y = min(max((row + 0.5) * h / height - 0.5, 0), h - 1)
            x = min(max((column + 0.5) * w / width - 0.5, 0), w - 1)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
            a, b = y - top, x - left
            upper = (1 - b) * image[top, left] + b * image[top, right]
            lower = (1 - b) * image[bottom, left] + b * image[bottom, right]
            out[row, column] = (1 - a) * upper + a * lower
    return out


def block(x: Array, state: State, name: str) -> Array:
    """A pre-norm transformer block of CLIP with QuickGELU."""
    width = x.shape[1]
    normed = layer_norm(x, state[f"{name}.ln_1.weight"], state[f"{name}.ln_1.bias"])
    q, k, v = np.split(
        normed @ state[f"{name}.attn.in_proj_weight"].T + state[f"{name}.attn.in_proj_bias"], 3, axis=1
    )
    x = x + linear(attend(q, k, v, width // TOWER_HEAD_WIDTH)[0], state, f"{name}.attn.out_proj")
    hidden = linear(
        layer_norm(x, state[f"{name}.ln_2.weight"], state[f"{name}.ln_2.bias"]), state, f"{name}.mlp.c_fc"
    )
    return x + linear(hidden * sigmoid(1.702 * hidden), state, f"{name}.mlp.c_proj")


def encode(state: State, image: Array) -> tuple[Array, Array]:
    """One image (3, H, W) to patch features (h, w, D) and the global feature (D,)."""
    conv = state["backbone.conv1.weight"]
    width, _, patch, _ = conv.shape
    height, length = image.shape[1] // patch, image.shape[2] // patch
    patches = np.zeros((height, length, width))
    for row in range(height):
        for column in range(length):
            window = image[:, row * patch : (row + 1) * patch, column * patch : (column + 1) * patch]
            patches[row, column] = (conv * window).sum(axis=(1, 2, 3))
    table = state["backbone.positional_embedding"]
    side = round(np.sqrt(len(table) - 1))
    patches = patches + bilinear(table[1:].reshape(side, side, width), height, length)
    # The class embedding is the class token, and it is added to that token's position again.
    token = 2 * state["backbone.class_embedding"] + table[0]
    x = np.concatenate([token[None], patches.reshape(-1, width)])
    x = layer_norm(x, state["backbone.ln_pre.weight"], state["backbone.ln_pre.bias"])
    tokens = np.concatenate([state["backbone.prompt_embeddings"], state["backbone.deep_prompt_embeddings"]])
    own = x[1:]
    for layer, embedding in enumerate(tokens):
        prompts = linear(embedding, state, "backbone.prompt_proj")
        x = block(np.concatenate([x[:1], prompts, own]), state, f"backbone.transformer.resblocks.{layer}")
        own = x[1 + len(prompts) :]
    x = layer_norm(x, state["backbone.prompt_norm.weight"], state["backbone.prompt_norm.bias"], 1e-6)
    x = layer_norm(x, state["backbone.ln_post.weight"], state["backbone.ln_post.bias"])
    x = unit(x @ state["backbone.proj"])
    return x[-height * length :].reshape(height, length, -1), x[0]


def decode(state: State, patches: Array, global_feature: Array, text: Array) -> Array:
    """Patch features (h, w, D), global feature (D,) and words (C, D) to logits (C, h, w)."""
    height, width, dim = patches.shape
    flat = patches.reshape(-1, dim)
    joined = np.concatenate([text * global_feature, text], axis=1)
    queries = linear(joined, state, "decode_head.q_proj")
    scores = np.zeros((1, 1))
    layers = len({name.split(".")[3] for name in state if name.startswith("decode_head.decoder_1.layers.")})
    for layer in range(layers):
        name = f"decode_head.decoder_1.layers.{layer}"
        q = linear(queries, state, f"{name}.multihead_attn.q")
        k = linear(flat, state, f"{name}.multihead_attn.k")
        v = linear(flat, state, f"{name}.multihead_attn.v")
        gathered, scores = attend(q, k, v, DECODER_HEADS)
        queries = queries + linear(gathered, state, f"{name}.multihead_attn.proj")
        queries = layer_norm(queries, state[f"{name}.norm2.weight"], state[f"{name}.norm2.bias"])
        hidden = np.maximum(linear(queries, state, f"{name}.linear1"), 0)
        queries = queries + linear(hidden, state, f"{name}.linear2")
        queries = layer_norm(queries, state[f"{name}.norm3.weight"], state[f"{name}.norm3.bias"])
    return scores.mean(axis=0).reshape(-1, height, width)
