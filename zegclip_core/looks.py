"""Two looks at an image: a large one finds small things, a small one tells what large things are."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from zegclip_core.backbones.backbone import InputSizes
from zegclip_core.heads import HeadFeatures
from zegclip_core.windows import nearest_multiple


def look_around(look: Callable[[Tensor], HeadFeatures], images: Tensor, sizes: InputSizes) -> HeadFeatures:
    """Encode normalised images (B, 3, H, W), twice where the sizes' `context_side` asks for it.

    Both features are the mean of two looks then, patches on the grid of the larger one, of unit length
    again. An image that is no larger than the second look is seen once.

    Args:
        look: encodes images once.
        images: sides multiples of `sizes.multiple`.
        sizes: of the model.

    """
    looked = look(images)
    side = sizes.context_side
    if side is None or side >= max(images.shape[-2:]):
        return looked
    context = look(shrink(images, side, multiple=sizes.multiple))
    around = F.interpolate(
        context.patches, size=looked.patches.shape[-2:], mode="bilinear", align_corners=False
    )
    return HeadFeatures(
        patches=F.normalize(looked.patches + around, dim=1),
        global_feature=F.normalize(looked.global_feature + context.global_feature, dim=-1),
    )


def looks_identity(sizes: InputSizes) -> str:
    """Tell models apart that look at images differently, so that they do not share what they encoded."""
    return f"{sizes.long_side}+{sizes.context_side}"


def shrink(images: Tensor, long_side: int, *, multiple: int) -> Tensor:
    """Bring images (B, 3, H, W) to a longer side of `long_side`, both sides to multiples of `multiple`."""
    scale = long_side / max(images.shape[-2:])
    size = [nearest_multiple(side * scale, multiple) for side in images.shape[-2:]]
    return F.interpolate(images, size=size, mode="bilinear", antialias=True, align_corners=False)
