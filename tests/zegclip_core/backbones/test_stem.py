"""The stem is MobileNetV2 at stride 16 with TensorFlow's padding, derived here once more from its tables."""

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.tiny_clip import random_images
from zegclip_core.backbones.stem import MobileNetStem, MobileNetV2

# Table 2 of Sandler et al. (CVPR 2018): expansion t, channels c, repetitions n, stride s of the first.
TABLE_2 = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


def same_padded(
    images: Tensor, weight: Tensor, bias: Tensor, *, stride: int, dilation: int, groups: int
) -> Tensor:
    """TensorFlow's SAME for even sides: one pixel right and bottom at stride 2, all around at stride 1."""
    pad = (0, 1, 0, 1) if stride == 2 else (dilation,) * 4
    return F.conv2d(F.pad(images, pad), weight, bias, stride=stride, dilation=dilation, groups=groups)


def mobilenet_at_stride_16(state: dict[str, Tensor], images: Tensor) -> tuple[Tensor, Tensor]:
    outputs = [
        F.relu6(
            same_padded(images, state["conv0.weight"], state["conv0.bias"], stride=2, dilation=1, groups=1)
        )
    ]
    number, dilation = 0, 1
    for expansion, channels, repetitions, first_stride in TABLE_2:
        for repetition in range(repetitions):
            stride = first_stride if repetition == 0 else 1
            features = outputs[-1]
            name = f"blocks.{number}"
            hidden = features
            if expansion > 1:
                hidden = F.relu6(
                    F.conv2d(features, state[f"{name}.expand.weight"], state[f"{name}.expand.bias"])
                )
            reduces_no_more = channels == 160 and repetition == 0
            depthwise = state[f"{name}.dw.weight"], state[f"{name}.dw.bias"]
            hidden = same_padded(
                hidden,
                *depthwise,
                stride=1 if reduces_no_more else stride,
                dilation=dilation,
                groups=hidden.shape[1],
            )
            narrow = F.conv2d(F.relu6(hidden), state[f"{name}.project.weight"], state[f"{name}.project.bias"])
            outputs.append(features + narrow if features.shape == narrow.shape else narrow)
            if reduces_no_more:
                dilation = 2
            number += 1
    end = F.relu6(F.conv2d(outputs[-1], state["last.weight"], state["last.bias"]))
    return outputs[1 + 12], end


@torch.no_grad()
def test_trunk_is_mobilenet_with_the_last_stride_turned_into_dilation() -> None:
    torch.manual_seed(0)
    trunk = MobileNetV2()
    images = random_images(1, 3, 64, 96)
    fine, end = trunk(images)
    expected_fine, expected_end = mobilenet_at_stride_16(trunk.state_dict(), images)
    assert fine.shape == (1, 96, 4, 6)
    torch.testing.assert_close(fine, expected_fine)
    torch.testing.assert_close(end, expected_end)


@torch.no_grad()
def test_stem_embeds_both_taps_side_by_side() -> None:
    torch.manual_seed(1)
    stem = MobileNetStem(40)
    images = random_images(2, 3, 32, 32)
    taps = torch.cat(stem.stem(images), dim=1)
    expected = torch.einsum("bchw,oc->bohw", taps, stem.embed.weight[:, :, 0, 0])
    torch.testing.assert_close(stem(images), expected, rtol=1e-4, atol=1e-5)
