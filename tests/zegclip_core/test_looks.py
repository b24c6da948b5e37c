"""Two looks at an image count alike; a small image is seen once."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.tiny_clip import random_images, tiny_backbone
from zegclip_core.backbones.backbone import InputSizes
from zegclip_core.heads import HeadFeatures
from zegclip_core.looks import look_around, looks_identity, shrink

TWICE = InputSizes(multiple=16, long_side=96, context_side=48)


def look(images: Tensor) -> HeadFeatures:
    """Colours of 16 x 16 pixels, and of the whole."""
    patches = F.avg_pool2d(images, 16)
    return HeadFeatures(F.normalize(patches, dim=1), F.normalize(patches.mean(dim=(2, 3)), dim=1))


def test_both_looks_count_alike_on_the_finer_grid() -> None:
    images = random_images(2, 3, 64, 96)
    large, small = look(images), look(shrink(images, 48, multiple=16))
    assert small.patches.shape[-2:] == (2, 3)
    around = F.interpolate(small.patches, size=(4, 6), mode="bilinear", align_corners=False)
    both = look_around(look, images, TWICE)
    torch.testing.assert_close(both.patches, F.normalize(large.patches + around, dim=1))
    torch.testing.assert_close(
        both.global_feature, F.normalize(large.global_feature + small.global_feature, dim=-1)
    )


@pytest.mark.parametrize("sizes", [TWICE, InputSizes(multiple=16, long_side=48)])
def test_an_image_no_larger_than_the_second_look_is_seen_once(sizes: InputSizes) -> None:
    images = random_images(1, 3, 32, 48)
    torch.testing.assert_close(look_around(look, images, sizes).patches, look(images).patches)


@pytest.mark.parametrize(
    ("size", "expected"), [((64, 96), (32, 48)), ((96, 40), (48, 16)), ((16, 96), (16, 48))]
)
def test_a_second_look_keeps_the_proportions(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert shrink(random_images(1, 3, *size), 48, multiple=16).shape[-2:] == expected


def test_a_backbone_looks_otherwise_with_the_same_weights() -> None:
    backbone = tiny_backbone()
    other = backbone.looking(TWICE)
    assert (other.sizes, backbone.sizes.context_side) == (TWICE, None)
    assert other.clip is backbone.clip
    images = random_images(1, 3, 64, 96)
    torch.testing.assert_close(other.encode_image(images)[0], backbone.encode_image(images)[0])


def test_all_ways_to_look_are_told_apart() -> None:
    sides = [(320, None), (512, None), (512, 256), (512, 320), (320, 256)]
    sizes = [InputSizes(multiple=16, long_side=long, context_side=context) for long, context in sides]
    assert len({looks_identity(one) for one in sizes}) == len(sizes)
