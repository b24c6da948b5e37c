from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.training.tiny import tiny_backbone, tiny_configuration, write_dataset
from training.feature_cache import CachedSamples, FeatureCache, FeatureEncoder, StemEncoder
from training.label_mapping import IGNORED, map_labels
from training.models import fresh_model
from training.samples import DrawOrder
from training.setting_groups import AugmentationSettings


class PositionEncoder:
    """Features that say where a token lies in the view, so that crops can be checked."""

    identity, stride, size_multiple = "positions", 16, 16

    def __init__(self) -> None:
        self.calls = 0

    def encode(self, image: NDArray[np.uint8]) -> Mapping[str, Tensor]:
        self.calls += 1
        colours = torch.from_numpy(image[::16, ::16].copy()).permute(2, 0, 1).float()
        return {"stem": colours, "global": torch.ones(5)}


def view(seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (64, 96, 3), dtype=np.uint8)


def test_features_are_computed_once_for_each_view(tmp_path: Path) -> None:
    encoder = PositionEncoder()
    first = FeatureCache(tmp_path, encoder).features(view())
    second = FeatureCache(tmp_path, encoder).features(view())
    assert encoder.calls == 1
    assert torch.equal(first["stem"], second["stem"])
    FeatureCache(tmp_path, encoder).features(view(1))
    assert encoder.calls == 2


def test_a_cold_cache_gives_the_numbers_of_a_warm_one(tmp_path: Path) -> None:
    """Both are half precision, so that a resumed run repeats itself."""
    model = fresh_model(tiny_backbone(), tiny_configuration().model, seed=0)
    cache = FeatureCache(tmp_path, StemEncoder(model, tiny_backbone()))
    cold, warm = cache.features(view()), cache.features(view())
    assert torch.equal(cold["stem"], warm["stem"])
    exact = cache.encoder.encode(view())["stem"]
    assert torch.allclose(cold["stem"], exact, atol=1e-2)


def test_a_damaged_entry_is_computed_again(tmp_path: Path) -> None:
    encoder = PositionEncoder()
    cache = FeatureCache(tmp_path, encoder)
    cache.features(view())
    entry = next(path for path in tmp_path.rglob("*.safetensors"))
    entry.write_bytes(b"broken")
    cache.features(view())
    assert encoder.calls == 2


def test_encoders_do_not_share_entries() -> None:
    backbone = tiny_backbone()
    plain = fresh_model(backbone, tiny_configuration(model={"prompt_tokens": 0}).model, seed=0)
    scaled = tiny_configuration(model={"prompt_tokens": 0, "normalisation": "imagenet"}).model
    other = fresh_model(backbone, scaled, seed=0)
    identities = {
        encoder(model, backbone).identity
        for encoder in (StemEncoder, FeatureEncoder)
        for model in (plain, other)
    }
    identities.add(StemEncoder(plain, tiny_backbone(digest="other")).identity)
    assert len(identities) == 5


def test_cached_stems_and_photographs_lead_to_the_same_features(tmp_path: Path) -> None:
    backbone = tiny_backbone()
    model = fresh_model(backbone, tiny_configuration().model, seed=0).eval()
    stem = FeatureCache(tmp_path, StemEncoder(model, backbone)).features(view())["stem"]
    pixels = torch.from_numpy(view()).permute(2, 0, 1).unsqueeze(0)
    with torch.no_grad():
        cached, _ = model.encode_stem(stem.unsqueeze(0))
        direct, _ = model.encode_image(model.normalise(pixels))
    assert (cached * direct).sum(dim=1).min() > 0.999


def settings(**changes: object) -> AugmentationSettings:
    values: dict[str, object] = {"short_side": 96, "crop": 64, "photometric": False, "flip": 0.0}
    return AugmentationSettings(**(values | changes))  # type: ignore[arg-type]


def samples(root: Path, cache: Path, **changes: object) -> CachedSamples:
    description = write_dataset(root, size=(96, 128))
    return CachedSamples(
        description=description,
        order=DrawOrder(description.ids("train"), seed=0),
        mapping=map_labels(description, "fully", background="ignore"),
        settings=settings(**changes),
        cache=FeatureCache(cache, PositionEncoder()),
    )


@pytest.mark.parametrize("draw", range(6))
@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_tokens_and_targets_are_cropped_at_the_same_place(tmp_path: Path, draw: int, flip: float) -> None:
    """Cat pixels are red, dog green, sofa blue: the token's colour tells its target."""
    features, targets = samples(tmp_path / "data", tmp_path / "cache", flip=flip)[draw]
    assert features["stem"].shape == (3, 4, 4)
    assert features["global"].shape == (5,)
    assert targets.shape == (64, 64)
    corners = targets[::16, ::16]
    brightest = features["stem"].argmax(dim=0)
    assert torch.equal(brightest[corners != IGNORED], corners[corners != IGNORED])


def test_a_view_is_never_smaller_than_the_crop(tmp_path: Path) -> None:
    features, targets = samples(tmp_path / "data", tmp_path / "cache", short_side=16)[0]
    assert features["stem"].shape == (3, 4, 4)
    assert targets.shape == (64, 64)
