"""MobileNetV2 (Sandler et al., CVPR 2018) as the patch embedding of a small ViT; batch norm is folded in."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STEM_STRIDE = 16
FIRST_WIDTH = 32
LAST_WIDTH = 1280
FINE_TAP_BLOCK = 12


class _Block(NamedTuple):
    expansion: int
    width: int
    stride: int
    dilation: int


# MobileNetV2 1.0 at output stride 16: the step from 96 to 160 channels keeps its resolution and the blocks
# after it are dilated instead, which leaves every filter the neighbourhood it was trained on.
_BLOCKS = (
    _Block(1, 16, 1, 1),
    *(_Block(6, 24, stride, 1) for stride in (2, 1)),
    *(_Block(6, 32, stride, 1) for stride in (2, 1, 1)),
    *(_Block(6, 64, stride, 1) for stride in (2, 1, 1, 1)),
    *(_Block(6, 96, 1, 1) for _ in range(3)),
    *(_Block(6, 160, 1, dilation) for dilation in (1, 2, 2)),
    _Block(6, 320, 1, 2),
)
FINE_WIDTH = _BLOCKS[FINE_TAP_BLOCK].width


class SamePadConv(nn.Conv2d):
    """A 3x3 convolution padded as TensorFlow's SAME does: strided ones on the right and the bottom only."""

    def __init__(self, channels: int, width: int, *, stride: int, dilation: int = 1, groups: int = 1) -> None:
        padding = 0 if stride == 2 else dilation
        super().__init__(channels, width, 3, stride, padding, dilation, groups)

    def forward(self, input: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', ceil(H / stride), ceil(W / stride)); H and W even where stride is 2."""
        return super().forward(F.pad(input, (0, 1, 0, 1)) if self.stride[0] == 2 else input)


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow; added to its input where shapes allow."""

    def __init__(self, channels: int, block: _Block) -> None:
        super().__init__()
        hidden = channels * block.expansion
        self.expand = nn.Conv2d(channels, hidden, 1) if block.expansion > 1 else nn.Identity()
        self.dw = SamePadConv(hidden, hidden, stride=block.stride, dilation=block.dilation, groups=hidden)
        self.project = nn.Conv2d(hidden, block.width, 1)
        self.widens = block.expansion > 1
        self.adds_input = block.stride == 1 and channels == block.width

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H / stride, W / stride)."""
        hidden = F.relu6(self.expand(features)) if self.widens else features
        narrow: Tensor = self.project(F.relu6(self.dw(hidden)))
        return features + narrow if self.adds_input else narrow


class MobileNetV2(nn.Module):
    """The convolutional trunk at stride 16, with a fine and a semantic tap."""

    def __init__(self) -> None:
        super().__init__()
        self.conv0 = SamePadConv(3, FIRST_WIDTH, stride=2)
        channels = [FIRST_WIDTH, *(block.width for block in _BLOCKS)]
        self.blocks = nn.ModuleList(InvertedResidual(c, b) for c, b in zip(channels, _BLOCKS, strict=False))
        self.last = nn.Conv2d(channels[-1], LAST_WIDTH, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (B, 3, 16h, 16w) to block 12's output (B, 96, h, w) and the end's (B, 1280, h, w)."""
        features = F.relu6(self.conv0(images))
        fine = features
        for index, block in enumerate(self.blocks):
            features = block(features)
            if index == FINE_TAP_BLOCK:
                fine = features
        return fine, F.relu6(self.last(features))


class MobileNetStem(nn.Module):
    """Takes the place of a ViT's patch convolution `conv1`: images to a grid of tokens."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = MobileNetV2()
        self.embed = nn.Conv2d(FINE_WIDTH + LAST_WIDTH, width, 1, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, 16h, 16w) in [-1, 1] to (B, width, h, w)."""
        fine, semantic = self.stem(images.contiguous(memory_format=torch.channels_last))
        tokens: Tensor = self.embed(torch.cat((fine, semantic), dim=1))
        return tokens
