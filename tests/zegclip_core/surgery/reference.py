"""The last block of a ViT once more, in float64 numpy and loops, from the methods' papers."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zegclip_core.visual_tower import VisualTower

Array = NDArray[np.float64]


def array(tensor: Any) -> Array:
    return tensor.detach().double().numpy()


def softmax(logits: Array) -> Array:
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def layer_norm(tokens: Array, norm: Any) -> Array:
    centred = tokens - tokens.mean(axis=-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + norm.eps)
    return scaled * array(norm.weight) + array(norm.bias)


def gelu(values: Array) -> Array:
    return values * 0.5 * (1 + np.vectorize(math.erf)(values / math.sqrt(2)))


class ReferenceBlock:
    """A block of one image's tokens (n, width), taken apart."""

    def __init__(self, tower: VisualTower, index: int = -1) -> None:
        self.block: Any = tower.blocks[index]
        self.heads = self.block.attn.num_heads

    def heads_of(self, tokens: Array) -> tuple[list[Array], list[Array], list[Array]]:
        """Queries, keys and values of each head, (n, width / heads) each."""
        attention = self.block.attn
        projected = layer_norm(tokens, self.block.ln_1) @ array(attention.in_proj_weight).T
        queries, keys, values = np.split(projected + array(attention.in_proj_bias), 3, axis=1)
        return tuple(np.split(part, self.heads, axis=1) for part in (queries, keys, values))  # type: ignore[return-value]

    def attend(self, tokens: Array, weights_of: Callable[[Array, Array, float], Array]) -> Array:
        """Average the values of each head by the weights that a method makes of queries and keys."""
        queries, keys, values = self.heads_of(tokens)
        scale = 1 / math.sqrt(queries[0].shape[1])
        joined = np.concatenate(
            [weights_of(q, k, scale) @ v for q, k, v in zip(queries, keys, values, strict=True)], axis=1
        )
        return self.project_out(joined)

    def project_out(self, joined: Array) -> Array:
        return joined @ array(self.block.attn.out_proj.weight).T + array(self.block.attn.out_proj.bias)

    def finish(self, tokens: Array, attended: Array) -> Array:
        """Residual and MLP."""
        summed = tokens + attended
        mlp = self.block.mlp
        hidden = gelu(layer_norm(summed, self.block.ln_2) @ array(mlp.c_fc.weight).T + array(mlp.c_fc.bias))
        return summed + hidden @ array(mlp.c_proj.weight).T + array(mlp.c_proj.bias)

    def __call__(self, tokens: Array) -> Array:
        """The unchanged block."""
        return self.finish(tokens, self.attend(tokens, lambda q, k, scale: softmax(q @ k.T * scale)))


def finish_tower(tower: VisualTower, tokens: Array) -> Array:
    """`ln_post` and the projection."""
    return layer_norm(tokens, tower.visual.ln_post) @ array(tower.visual.proj)


def grid_neighbours(place: int, grid: tuple[int, int]) -> list[int]:
    """The up to eight places around a place of a grid."""
    row, column = divmod(place, grid[1])
    return [
        r * grid[1] + c
        for r in range(max(0, row - 1), min(grid[0], row + 2))
        for c in range(max(0, column - 1), min(grid[1], column + 2))
        if (r, c) != (row, column)
    ]


def lonely(patches: Array, neighbours: int = 30, share: float = 0.95) -> NDArray[np.bool_]:
    """SC-CLIP's outliers: squared distance to the 30th neighbour over that of the neighbours themselves."""
    count = len(patches)
    distances = np.array([[((a - b) ** 2).sum() for b in patches] for a in patches])
    nearest = [
        sorted(set(range(count)) - {i}, key=lambda j: distances[i, j])[:neighbours] for i in range(count)
    ]
    reach = np.array([distances[i, nearest[i][-1]] for i in range(count)])
    score = np.array([np.mean([reach[i] / reach[j] for j in nearest[i]]) for i in range(count)])
    return score > np.quantile(score, share)


def filled(patches: Array, outliers: NDArray[np.bool_], grid: tuple[int, int]) -> Array:
    """Outliers replaced by the mean of the neighbours that are none."""
    result = patches.copy()
    for place in np.flatnonzero(outliers):
        sound = [near for near in grid_neighbours(int(place), grid) if not outliers[near]]
        if sound:
            result[place] = patches[sound].mean(axis=0)
    return result


def cosines(patches: Array) -> Array:
    unit = patches / np.linalg.norm(patches, axis=1, keepdims=True)
    return unit @ unit.T


def floored(similarity: Array) -> Array:
    """Rows of a mean over the patches whose cosine is at least 0.4."""
    kept = np.where(similarity >= 0.4, similarity, 0)
    return kept / (kept.sum(axis=1, keepdims=True) + 1e-6)


def sc_clip(tower: VisualTower, outputs: list[Array], grid: tuple[int, int]) -> Array:
    """SC-CLIP for twelve blocks from the outputs F_0..F_10 (1 + n, width) of the first eleven."""
    block = ReferenceBlock(tower)
    class_token = outputs[10][0]
    outliers = lonely(outputs[10][1:])
    similarity = cosines(filled(outputs[8][1:], outliers, grid))
    smoothing = floored(cosines(outputs[3][1:]))
    sharpened = 3 * (similarity - similarity.mean())
    by_likeness = softmax(np.where(sharpened < 0, -np.inf, sharpened))

    def calibrated(patches: Array, own_class: Array) -> Array:
        attended = block.attend(patches, lambda q, k, scale: (by_likeness + softmax(k @ k.T * scale)) / 2)
        return smoothing @ (attended + 0.3 * own_class)

    patches = floored(similarity) @ filled(outputs[10][1:], outliers, grid)
    middle = sum(outputs[3:10])
    return calibrated(patches, class_token) + calibrated(middle[1:], middle[0])
