"""What a text feature t becomes beside a global image feature g."""

from collections.abc import Callable
from typing import get_args

import numpy as np
import pytest
import torch

from tests.zegclip_core.zegclip.towers import unit_rows
from zegclip_core import RelationshipDescriptor
from zegclip_core.errors import ShapeError
from zegclip_core.zegclip.options import DescriptorForm

JOINED: dict[DescriptorForm, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "product_text": lambda t, g: np.concatenate([t * g, t]),
    "text": lambda t, g: t,
    "global_text": lambda t, g: np.concatenate([t, g]),
    "product": lambda t, g: t * g,
    "difference_text": lambda t, g: np.concatenate([np.abs(t - g), t]),
}


def test_every_form_is_specified_here() -> None:
    assert set(JOINED) == set(get_args(DescriptorForm))


@pytest.mark.parametrize("form", JOINED)
def test_each_pair_of_image_and_word_is_joined_and_mapped(form: DescriptorForm) -> None:
    descriptor = RelationshipDescriptor(dim=16, form=form)
    text, features = unit_rows(3, seed=1), unit_rows(2, seed=2)
    weight, bias = (one.detach().numpy() for one in descriptor.projection.parameters())
    with torch.no_grad():
        queries = descriptor(text, features).numpy()
    assert queries.shape == (2, 3, 16)
    for image in range(2):
        for word in range(3):
            joined = JOINED[form](text[word].numpy(), features[image].numpy())
            np.testing.assert_allclose(queries[image, word], weight @ joined + bias, atol=1e-6)


def test_the_papers_form_is_the_default() -> None:
    assert RelationshipDescriptor(dim=4).form == "product_text"


@pytest.mark.parametrize(
    ("text", "features"), [((3, 8), (2, 16)), ((3, 16), (2, 8)), ((16,), (2, 16)), ((3, 16), (16,))]
)
def test_features_of_other_shapes_are_refused(text: tuple[int, ...], features: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="expected"):
        RelationshipDescriptor(dim=16)(torch.zeros(text), torch.zeros(features))
