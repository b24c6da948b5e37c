"""An open_clip ViT taken apart, so that prompts can be inserted and its last block changed."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zegclip_core.errors import ShapeError, UnsupportedArchitectureError
from zegclip_core.guarded_open_clip import open_clip

PositionInterpolation = Literal["bicubic", "bilinear"]
_CACHED_GRIDS = 64


class TowerEngine(Protocol):
    """Computes the heavy parts of a tower in another way than PyTorch, without gradients, on the CPU."""

    @property
    def name(self) -> str:
        """What tells it from engines that compute otherwise."""
        ...

    def patchify(self, images: Tensor) -> Tensor:
        """Map normalised images (B, 3, H, W) to patches (B, width, h, w)."""
        ...

    def run_block(self, index: int, tokens: Tensor) -> Tensor:
        """Pass tokens (B, n, width) through a block."""
        ...


class VisualTower(nn.Module):
    """A plain CLIP ViT for images of any size and aspect ratio (Dosovitskiy et al., ICLR 2021).

    Args:
        visual: open_clip's `VisionTransformer`: class token, positions, pre-norm blocks, `ln_post`, `proj`.
        stride: pixels from token to token.
        position_interpolation: how the position grid is brought to the token grid.
        class_embedding_twice: add the class embedding once more with its position, as DenseCLIP and the
            released ZegCLIP weights expect (ZegCLIP issue 4).
        position_grid: rows and columns that the position grid is brought to before it is brought to the
            token grid, as the released ZegCLIP weights expect; None goes there directly.

    Raises `UnsupportedArchitectureError` for towers without those pieces.

    """

    visual: Any

    def __init__(
        self,
        visual: nn.Module,
        *,
        stride: int,
        position_interpolation: PositionInterpolation = "bicubic",
        class_embedding_twice: bool = False,
        position_grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        require_plain_vit(visual)
        self.visual = visual
        self.stride = stride
        self.position_interpolation = position_interpolation
        self.class_embedding_twice = class_embedding_twice
        self.position_grid = position_grid
        self.engine: TowerEngine | None = None
        self._positions: dict[tuple[object, ...], Tensor] = {}

    @property
    def width(self) -> int:
        """Channels of a token."""
        return int(self.visual.transformer.width)

    @property
    def embed_dim(self) -> int:
        """Channels of the space that images and texts share."""
        return int(self.visual.proj.shape[1])

    @property
    def blocks(self) -> Sequence[nn.Module]:
        """The transformer blocks in order; each maps tokens (B, 1 + n, width) to the same shape."""
        blocks: Sequence[nn.Module] = self.visual.transformer.resblocks
        return blocks

    @property
    def engine_name(self) -> str:
        """Which engine computes its heavy parts."""
        return "torch" if self.engine is None else self.engine.name

    def embed(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Turn normalised images (B, 3, H, W) into tokens (B, 1 + h*w, width), class token first, and (h, w).

        H and W must be multiples of the stride, else `ShapeError`.
        """
        return self.embed_patches(self.patchify(images))

    def patchify(self, images: Tensor) -> Tensor:
        """Map normalised images (B, 3, H, W) to patches (B, width, h, w), before any position is added.

        H and W must be multiples of the stride, else `ShapeError`.
        """
        if images.ndim != 4 or images.shape[1] != 3:
            raise ShapeError(f"images of shape {tuple(images.shape)}: expected (batch, 3, height, width)")
        height, width = images.shape[-2:]
        if height < self.stride or width < self.stride or height % self.stride or width % self.stride:
            raise ShapeError(f"images of {height}x{width}: both sides must be multiples of {self.stride}")
        if self.engine is not None and not torch.is_grad_enabled():
            return self.engine.patchify(images)
        patches: Tensor = self.visual.conv1(images)
        return patches

    def embed_patches(self, patches: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Turn patches (B, width, h, w) into tokens (B, 1 + h*w, width), class token first, and (h, w)."""
        grid = (patches.shape[-2], patches.shape[-1])
        tokens = patches.flatten(2).transpose(1, 2)
        class_token = self.visual.class_embedding.to(tokens.dtype).expand(len(tokens), 1, -1)
        tokens = torch.cat((class_token, tokens), dim=1) + self.positions(grid).to(tokens.dtype)
        embedded: Tensor = self.visual.ln_pre(self.visual.patch_dropout(tokens))
        return embedded, grid

    def run(self, tokens: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        """Pass tokens (B, n, width) through blocks `first` to `last - 1` (to the end without `last`)."""
        for index in range(len(self.blocks))[first:last]:
            if self.engine is not None and not torch.is_grad_enabled():
                tokens = self.engine.run_block(index, tokens)
            else:
                tokens = self.blocks[index](tokens)
        return tokens

    def project(self, tokens: Tensor) -> Tensor:
        """Map all given tokens (B, n, width) by `ln_post` and `proj` to (B, n, embed_dim), not normalised."""
        projected: Tensor = self.visual.ln_post(tokens) @ self.visual.proj
        return projected

    def positions(self, grid: tuple[int, int]) -> Tensor:
        """Return the position table (1 + h*w, width) for a token grid (h, w); kept when no gradient flows."""
        sources = (self.visual.positional_embedding, self.visual.class_embedding)
        if torch.is_grad_enabled() and any(source.requires_grad for source in sources):
            return self._interpolated_positions(grid)
        key = (*grid, *(_identity(source) for source in sources))
        if key not in self._positions:
            if len(self._positions) >= _CACHED_GRIDS:
                self._positions.clear()
            # A table made in inference mode could not take part in a later training step.
            with torch.inference_mode(False), torch.no_grad():
                self._positions[key] = self._interpolated_positions(grid)
        return self._positions[key]

    def _interpolated_positions(self, grid: tuple[int, int]) -> Tensor:
        table: Tensor = self.visual.positional_embedding
        class_row, rows = table[:1], table[1:]
        if self.class_embedding_twice:
            class_row = class_row + self.visual.class_embedding
        native = tuple(self.visual.grid_size)
        image = rows.reshape(1, *native, -1).permute(0, 3, 1, 2).float()
        for size in (self.position_grid or grid, grid):
            if image.shape[2:] != size:
                image = F.interpolate(image, size=size, mode=self.position_interpolation, align_corners=False)
        return torch.cat((class_row, image.flatten(2).squeeze(0).t().to(table.dtype)))


def _identity(tensor: Tensor) -> tuple[object, ...]:
    """What changes when a parameter is moved, replaced or written to."""
    return tensor.device, tensor.dtype, tensor.data_ptr(), tensor._version


def require_plain_vit(visual: Any) -> None:
    """Raise `UnsupportedArchitectureError` unless a tower's patch features live in the text space."""
    if not isinstance(visual, open_clip.transformer.VisionTransformer):
        reason = f"its image tower is a {type(visual).__name__}"
    elif visual.attn_pool is not None:
        reason = "it pools its patches by attention"
    elif visual.pool_type != "tok":
        reason = f"it pools its patches by {visual.pool_type!r} instead of a class token"
    elif visual.proj is None:
        reason = "it has no projection into the text space"
    elif not visual.transformer.batch_first:
        reason = "its blocks take the batch in the second dimension"
    else:
        return
    raise UnsupportedArchitectureError(
        f"this architecture has no patch features to compare with words: {reason}. "
        "Choose a plain ViT such as ViT-B-16/openai, or zegclip-mini"
    )
