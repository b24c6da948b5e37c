"""open_clip's models: everything comes from their own settings, and what cannot work is refused early."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.hub_server import HubServer
from tests.tiny_clip import ARCHITECTURE, NAME, save_state, tiny_clip
from tests.zegclip_core.backbones.conftest import MEAN, STD
from zegclip_core.backbones.backbone import Backbone, InputSizes
from zegclip_core.backbones.open_clip_models import build_open_clip, load_bare, load_published
from zegclip_core.errors import UnsupportedArchitectureError, WeightsError
from zegclip_core.guarded_open_clip import open_clip
from zegclip_core.templates import IMAGENET_TEMPLATES

pytestmark = pytest.mark.usefixtures("tiny_architecture")


def published(pretrained: str, cache_dir: Path) -> Backbone:
    return load_published(
        NAME, pretrained, name=f"{NAME}/{pretrained}", revision="1", cache_dir=cache_dir, show_progress=False
    )


def test_published_weights_are_loaded_exactly(hub: HubServer, tmp_path: Path) -> None:
    loaded = published("random", tmp_path).clip.state_dict()
    for name, tensor in tiny_clip(seed=7).state_dict().items():
        assert torch.equal(loaded[name], tensor), name


def test_pixel_scale_sizes_and_sentences_are_those_of_the_weights(hub: HubServer, tmp_path: Path) -> None:
    backbone = published("random", tmp_path)
    assert backbone.image_mean.flatten().tolist() == pytest.approx(MEAN)
    assert backbone.image_std.flatten().tolist() == pytest.approx(STD)
    assert backbone.sizes == InputSizes(multiple=16, short_side=96, window=64)
    assert backbone.templates == IMAGENET_TEMPLATES
    assert backbone.none_cosine is None
    assert len(backbone.digest) == 64


@pytest.mark.parametrize(
    ("tag", "activation"), [("random", torch.nn.GELU), ("quick", open_clip.transformer.QuickGELU)]
)
def test_the_activation_is_the_one_the_weights_were_trained_with(
    hub: HubServer, tmp_path: Path, tag: str, activation: type
) -> None:
    clip = published(tag, tmp_path).clip
    for block in (*clip.visual.transformer.resblocks, *clip.transformer.resblocks):
        assert isinstance(block.mlp.gelu, activation)


def test_a_loaded_model_is_frozen_and_in_evaluation_mode(hub: HubServer, tmp_path: Path) -> None:
    clip = published("random", tmp_path).clip
    assert not clip.training
    assert not any(parameter.requires_grad for parameter in clip.parameters())


@pytest.mark.parametrize("architecture", ["ViT-B-16-SigLIP", "xlm-roberta-base-ViT-B-32"])
def test_models_that_read_text_with_foreign_files_are_refused(architecture: str) -> None:
    with pytest.raises(UnsupportedArchitectureError, match=f"{architecture}.*zegclip-mini"):
        build_open_clip(architecture)


def test_models_without_patches_to_compare_are_refused_before_any_download(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resnet = ARCHITECTURE | {
        "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None}
    }
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, NAME, resnet)
    with pytest.raises(UnsupportedArchitectureError, match="ModifiedResNet"):
        published("random", tmp_path)
    assert not hub.asked


def test_a_bare_file_is_scaled_as_openai_scales(tmp_path: Path) -> None:
    weights = save_state(tmp_path / "own.safetensors", tiny_clip(seed=3))
    backbone = load_bare(NAME, weights, name="own", revision="r")
    assert backbone.model_version == "own@r"
    assert backbone.image_mean.flatten().tolist() == pytest.approx(open_clip.OPENAI_DATASET_MEAN)
    assert torch.equal(backbone.clip.visual.proj, tiny_clip(seed=3).visual.proj)


def test_positions_of_another_native_size_are_brought_to_this_one(tmp_path: Path) -> None:
    larger = tiny_clip(vision_cfg=ARCHITECTURE["vision_cfg"] | {"image_size": 96})
    weights = save_state(tmp_path / "large.safetensors", larger)
    backbone = load_bare(NAME, weights, name="large", revision="1")
    assert backbone.clip.visual.positional_embedding.shape == (17, 32)


def test_pickled_state_dicts_are_read_without_running_code(tmp_path: Path) -> None:
    class Malicious:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (Path(tmp_path / "ran"),))  # type: ignore[return-value]

    weights = tmp_path / "evil.pt"
    torch.save({"state_dict": Malicious()}, weights)
    with pytest.raises(WeightsError, match=r"evil\.pt"):
        load_bare(NAME, weights, name="evil", revision="1")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"no weights", b"\x10\0\0\0\0\0\0\0{}"])
@pytest.mark.parametrize("name", ["broken.safetensors", "broken.pt"])
def test_a_broken_file_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    weights = tmp_path / name
    weights.write_bytes(content)
    with pytest.raises(WeightsError, match=name):
        load_bare(NAME, weights, name="broken", revision="1")


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    weights = tmp_path / "half.safetensors"
    state = tiny_clip().state_dict()
    state.pop("visual.proj")
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, weights)
    with pytest.raises(WeightsError, match=r"visual\.proj"):
        load_bare(NAME, weights, name="half", revision="1")
