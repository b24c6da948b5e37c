"""The relationship descriptor, Design 3 of the paper: what a text feature says about this image."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from zegclip_core.errors import ShapeError
from zegclip_core.zegclip.options import DescriptorForm

# Each maps text t (B, C, D) and global feature g (B, 1, D) to the parts that are joined along D.
_PARTS: dict[DescriptorForm, Callable[[Tensor, Tensor], tuple[Tensor, ...]]] = {
    "product_text": lambda t, g: (t * g, t),
    "text": lambda t, g: (t,),
    "global_text": lambda t, g: (t, g.expand_as(t)),
    "product": lambda t, g: (t * g,),
    "difference_text": lambda t, g: ((t - g).abs(), t),
}
_PART_COUNT: dict[DescriptorForm, int] = {
    "product_text": 2,
    "text": 1,
    "global_text": 2,
    "product": 1,
    "difference_text": 2,
}


class RelationshipDescriptor(nn.Module):
    """Joins text and global image feature, and maps the result linearly to the decoder's queries.

    Args:
        dim: channels D of the features.
        form: what is joined; the paper's choice is [t*g, t], element-wise, in that order.

    """

    def __init__(self, *, dim: int, form: DescriptorForm = "product_text") -> None:
        super().__init__()
        self.dim = dim
        self.form: DescriptorForm = form
        self.projection = nn.Linear(_PART_COUNT[form] * dim, dim)

    def forward(self, text: Tensor, global_feature: Tensor) -> Tensor:
        """Map text features (C, D) and global features (B, D), both of unit length, to queries (B, C, D).

        Raises `ShapeError` for other shapes.
        """
        if text.ndim != 2 or text.shape[1] != self.dim:
            raise ShapeError(f"text features of shape {tuple(text.shape)}: expected (classes, {self.dim})")
        if global_feature.ndim != 2 or global_feature.shape[1] != self.dim:
            raise ShapeError(
                f"global features of shape {tuple(global_feature.shape)}: expected (batch, {self.dim})"
            )
        queries: Tensor = self.projection(self.describe(text, global_feature))
        return queries

    def describe(self, text: Tensor, global_feature: Tensor) -> Tensor:
        """Return the joined features (B, C, parts * D), before the linear map."""
        text = text.to(global_feature.dtype).expand(len(global_feature), -1, -1)
        return torch.cat(_PARTS[self.form](text, global_feature.unsqueeze(1)), dim=-1)
