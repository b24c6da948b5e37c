"""What a ZegCLIP is made of, as plain values; read without torch."""

from dataclasses import dataclass
from typing import Literal

from zegclip_core.errors import ModelOptionError

DescriptorForm = Literal["product_text", "text", "global_text", "product", "difference_text"]
MaskSource = Literal["last_layer", "mean_of_layers"]
Normalisation = Literal["backbone", "imagenet"]
Tuned = Literal["prompts", "blocks"]

# ImageNet's pixel scale on 0..1, which mmsegmentation normalises with.
IMAGENET_MEAN = (123.675 / 255, 116.28 / 255, 103.53 / 255)
IMAGENET_STD = (58.395 / 255, 57.12 / 255, 57.375 / 255)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZegCLIPOptions:
    """The paper's model, and the quirks of its released weights, each under a name of its own.

    Attributes:
        prompt_tokens: deep prompt tokens in front of every block; 0 leaves the image tower as it is, then
            there is no `prompt_norm` either.
        descriptor: how the global image feature g and a text feature t form a query; "product_text" is the
            paper's [t*g, t].
        decoder_layers: cross-attention layers.
        decoder_heads: attention heads of each layer; must divide the backbone's embed_dim.
        dropout: dropout of prompts, attention and feed-forward layers.
        masks: "last_layer" takes the last layer's attention scores as logits, as in the release;
            "mean_of_layers" averages them over all layers.
        tuned: "prompts" keeps the tower frozen; "blocks" fine-tunes its transformer blocks, the paper's
            fine-tuned baseline.
        prompt_norm: a learned layer norm over all tokens before CLIP's own `ln_post`.
        prompt_norm_epsilon: the epsilon of that norm (CLIP's own norms have 1e-5).
        normalisation: pixel scale of the images, "backbone" for CLIP's own, "imagenet" as released.
        class_embedding_twice: add the class embedding a second time, with its position (ZegCLIP issue 4).
        position_interpolation: how positions are brought to the token grid; "bilinear" as released.
        position_grid: rows and columns that positions are brought to before they are brought to the token
            grid; (32, 32) as released, for 512-pixel images. None goes there directly.

    Raises `ModelOptionError` for values out of range.

    """

    prompt_tokens: int = 10
    descriptor: DescriptorForm = "product_text"
    decoder_layers: int = 3
    decoder_heads: int = 8
    dropout: float = 0.1
    masks: MaskSource = "last_layer"
    tuned: Tuned = "prompts"
    prompt_norm: bool = True
    prompt_norm_epsilon: float = 1e-6
    normalisation: Normalisation = "backbone"
    class_embedding_twice: bool = False
    position_interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    position_grid: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        _require(self.prompt_tokens >= 0, "prompt_tokens", self.prompt_tokens, "0 or more")
        _require(self.decoder_layers >= 1, "decoder_layers", self.decoder_layers, "1 or more")
        _require(self.decoder_heads >= 1, "decoder_heads", self.decoder_heads, "1 or more")
        _require(0 <= self.dropout < 1, "dropout", self.dropout, "from 0 up to, not including, 1")
        _require(self.prompt_norm_epsilon > 0, "prompt_norm_epsilon", self.prompt_norm_epsilon, "above 0")
        grid = self.position_grid
        _require(grid is None or min(grid) > 0, "position_grid", grid, "two positive numbers, or None")


def released_options(
    *, prompt_tokens: int, decoder_layers: int = 3, position_grid: tuple[int, int] = (32, 32)
) -> ZegCLIPOptions:
    """Return the options that the published weights were trained with, all quirks included."""
    return ZegCLIPOptions(
        prompt_tokens=prompt_tokens,
        decoder_layers=decoder_layers,
        normalisation="imagenet",
        class_embedding_twice=True,
        position_interpolation="bilinear",
        position_grid=position_grid,
    )


def _require(holds: bool, name: str, value: object, allowed: str) -> None:
    if not holds:
        raise ModelOptionError(f"{name} = {value!r}: must be {allowed}")
