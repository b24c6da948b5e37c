"""A checkpoint of the user's is loaded by the description beside it."""

import json
from pathlib import Path

import pytest
import torch

from tests.tiny_clip import ARCHITECTURE, save_state, tiny_clip
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.checkpoint import load_checkpoint
from zegclip_core.backbones.mini import EMBEDDED_WEIGHTS
from zegclip_core.errors import UnsupportedArchitectureError, WeightsError


def saved_by_open_clip(folder: Path, **changes: object) -> Path:
    """A folder as open_clip saves it for the hub."""
    save_state(folder / "open_clip_model.safetensors", tiny_clip(seed=5))
    config = {"model_cfg": ARCHITECTURE, "preprocess_cfg": {"mean": [0.1] * 3, "std": [0.7] * 3}} | changes
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder


def load(path: Path) -> Backbone:
    return load_checkpoint(path, name="own", revision="1")


@pytest.mark.parametrize("inside", [".", "open_clip_model.safetensors"])
def test_a_folder_that_open_clip_saved_is_loaded_by_its_description(tmp_path: Path, inside: str) -> None:
    backbone = load(saved_by_open_clip(tmp_path / "saved") / inside)
    assert torch.equal(backbone.clip.visual.proj, tiny_clip(seed=5).visual.proj)
    assert backbone.image_std.flatten().tolist() == pytest.approx([0.7] * 3)
    assert backbone.encode_text(["a cat"]).shape == (1, 24)


def test_a_card_beside_the_weights_describes_a_model_like_the_embedded_one(tmp_path: Path) -> None:
    for source in (EMBEDDED_WEIGHTS, EMBEDDED_WEIGHTS.with_suffix(".json")):
        (tmp_path / source.name).symlink_to(source)
    backbone = load(tmp_path)
    assert backbone.is_dense
    assert backbone.model_version == "own@1"


def test_weights_without_description_are_refused_with_the_cure(tmp_path: Path) -> None:
    weights = save_state(tmp_path / "alone.safetensors", tiny_clip())
    with pytest.raises(WeightsError, match=r"alone\.json.*open_clip_config\.json.*ViT-B-16/alone"):
        load(weights)


@pytest.mark.parametrize("text", ["no json", "[]", "{}", "3"])
def test_a_broken_description_is_refused(tmp_path: Path, text: str) -> None:
    folder = saved_by_open_clip(tmp_path)
    (folder / "open_clip_config.json").write_text(text)
    with pytest.raises(WeightsError, match="open_clip_config"):
        load(folder)


def test_a_description_that_open_clip_cannot_build_is_refused(tmp_path: Path) -> None:
    folder = saved_by_open_clip(tmp_path, model_cfg={"embed_dim": 8, "colour": "red"})
    with pytest.raises(WeightsError, match="open_clip_config"):
        load(folder)


def test_a_foreign_text_tower_is_refused(tmp_path: Path) -> None:
    text = {"hf_model_name": "bert"}
    folder = saved_by_open_clip(tmp_path, model_cfg=ARCHITECTURE | {"text_cfg": text})
    with pytest.raises(UnsupportedArchitectureError, match="text"):
        load(folder)
