"""Every notation ends in a loaded backbone, by one way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import CHECKOUT
from tests.hub_server import HubServer
from tests.tiny_clip import NAME, save_state, tiny_clip
from zegclip_core.backbones.backbone import InputSizes
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import BackboneSpec, parse_notation
from zegclip_core.errors import UnknownModelError, WeightsError


def test_the_embedded_model_needs_nothing_but_the_package() -> None:
    backbone = load_backbone(parse_notation("zegclip-mini"))
    assert backbone.model_version == "zegclip-mini@4"
    assert backbone.embed_dim == 384
    assert backbone.stride == 16


def test_its_faster_look_has_the_same_weights() -> None:
    fine, fast = (load_backbone(parse_notation(name)) for name in ("zegclip-mini", "zegclip-mini-fast"))
    assert fine.digest == fast.digest
    assert fine.sizes == InputSizes(multiple=32, long_side=512, context_side=320)
    assert fast.sizes == InputSizes(multiple=32, long_side=320)


@pytest.mark.usefixtures("tiny_architecture")
def test_a_published_model_is_downloaded_and_ready(hub: HubServer, tmp_path: Path) -> None:
    backbone = load_backbone(parse_notation(f"{NAME}/random"), cache_dir=tmp_path)
    assert backbone.model_version == f"{NAME}/random@1"
    patches, class_feature = backbone.encode_image(
        backbone.normalise(torch.zeros(1, 3, 32, 48, dtype=torch.uint8))
    )
    assert patches.shape == (1, 24, 2, 3)
    assert class_feature.shape == (1, 24)


@pytest.mark.usefixtures("tiny_architecture")
def test_a_file_with_its_architecture_is_loaded(tmp_path: Path) -> None:
    weights = save_state(tmp_path / "own.safetensors", tiny_clip(seed=3))
    spec = parse_notation(f"{NAME}/{weights}")
    backbone = load_backbone(spec)
    assert backbone.name == f"{NAME}/own"
    assert backbone.digest.startswith(backbone.revision)


@pytest.mark.usefixtures("tiny_architecture")
def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"gone\.safetensors"):
        load_backbone(parse_notation(f"{NAME}/{tmp_path}/gone.safetensors"))


def test_a_specification_of_nothing_is_refused() -> None:
    with pytest.raises(UnknownModelError, match="'half'"):
        load_backbone(BackboneSpec(notation="half", kind="open_clip"))


@pytest.mark.usefixtures("tiny_architecture")
def test_the_hub_may_be_a_mirror_that_the_environment_names(hub: HubServer, tmp_path: Path) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(CHECKOUT)!r})
from tests.tiny_clip import ARCHITECTURE
from zegclip_core.guarded_open_clip import open_clip
open_clip.factory._MODEL_CONFIGS[{NAME!r}] = ARCHITECTURE
entry = dict(url="", hf_hub="stand-in/tiny/", mean=(0, 0, 0), std=(1, 1, 1))
open_clip.pretrained._PRETRAINED[{NAME!r}] = dict(random=entry)
from pathlib import Path
from zegclip_core.backbones.backbone import InputSizes
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import BackboneSpec
spec = BackboneSpec(notation="x", kind="open_clip", architecture={NAME!r}, pretrained="random")
print(load_backbone(spec, cache_dir=Path({str(tmp_path)!r})).digest)
"""
    environment = os.environ | {"HF_ENDPOINT": hub.url, "OMP_NUM_THREADS": "1"}
    child = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    assert len(child.stdout.strip()) == 64
    assert hub.transfers() == [None]
