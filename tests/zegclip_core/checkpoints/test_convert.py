"""A published file becomes a compact checkpoint that paints any words, without a download."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.zegclip_core.upstream_files import (
    PATCH,
    SIDE,
    TEXT_WIDTH,
    save_upstream,
    upstream_state,
    without_text_tower,
)
from zegclip_core import load_upstream_checkpoint
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.checkpoints.compact import read_checkpoint
from zegclip_core.checkpoints.convert import convert_upstream
from zegclip_core.checkpoints.facts import TrainedClass
from zegclip_core.checkpoints.loading import load_zegclip
from zegclip_core.errors import BackboneMismatchError, UpstreamCheckpointError
from zegclip_core.labels import parse_words
from zegclip_core.segmenter import build_segmenter
from zegclip_core.templates import SINGLE_TEMPLATE

CLASSES = (
    TrainedClass(name="aeroplane", prompts=("aeroplane",), seen=True),
    TrainedClass(name="sofa", prompts=("sofa",), seen=False),
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_upstream(tmp_path_factory.mktemp("published") / "voc.pth", upstream_state())


@pytest.fixture(scope="module")
def converted(source: Path) -> Path:
    folder = source.parent / "zegclip-voc"
    convert_upstream(source, folder, name="zegclip-voc", classes=CLASSES, templates=SINGLE_TEMPLATE)
    return folder


@torch.no_grad()
@pytest.mark.parametrize("grid", [(SIDE, SIDE), (2, 5)])
def test_it_scores_as_the_published_file(source: Path, converted: Path, grid: tuple[int, int]) -> None:
    original, head = load_upstream_checkpoint(source), load_zegclip(converted)
    size = (1, 3, grid[0] * PATCH, grid[1] * PATCH)
    pixels = torch.randint(0, 255, size, generator=torch.Generator().manual_seed(0)).byte()
    text = head.backbone.encode_text(["a photo of a cat", "a photo of a dog"])
    expected = original(original.normalise(pixels), text)
    torch.testing.assert_close(head.model(head.backbone.normalise(pixels), text), expected)


@torch.no_grad()
def test_words_are_read_by_the_files_own_text_tower(converted: Path) -> None:
    clip = load_zegclip(converted).backbone.clip
    state = upstream_state()
    torch.testing.assert_close(clip.token_embedding.weight, state["text_encoder.token_embedding.weight"])
    torch.testing.assert_close(clip.text_projection, state["text_encoder.text_projection"])
    assert clip.transformer.resblocks[0].attn.num_heads == TEXT_WIDTH // 64


def test_the_manifest_says_where_it_comes_from(source: Path, converted: Path) -> None:
    facts = read_checkpoint(converted).facts
    assert facts.recipe == {"converted_from": "voc.pth"}
    assert facts.classes == CLASSES
    assert (facts.sizes.window, facts.sizes.short_side) == (SIDE * PATCH, SIDE * PATCH)
    assert facts.options == load_upstream_checkpoint(source).options


def test_it_paints_any_words(converted: Path) -> None:
    segmenter = build_segmenter(str(converted))
    image = np.random.default_rng(0).integers(0, 255, (24, 16, 3), dtype=np.uint8)
    painted = segmenter.segment(image, parse_words("aeroplane, mug"))
    assert painted.label_map.shape == (24, 16)
    assert segmenter.model_version.startswith("zegclip-voc@")


def test_a_file_without_text_tower_needs_a_backbone(tmp_path: Path) -> None:
    source = save_upstream(tmp_path / "voc.pth", without_text_tower(upstream_state(vocabulary=50)))
    with pytest.raises(UpstreamCheckpointError, match="name the backbone that gives text features"):
        convert_upstream(source, tmp_path / "out", name="voc", classes=CLASSES, templates=SINGLE_TEMPLATE)
    assert not (tmp_path / "out").exists()


def test_a_backbone_with_the_same_tower_is_referred_to(source: Path, converted: Path, tmp_path: Path) -> None:
    clip = load_zegclip(converted).backbone
    folder = tmp_path / "light"
    convert_upstream(source, folder, name="voc", classes=CLASSES, templates=SINGLE_TEMPLATE, backbone=clip)
    reference = read_checkpoint(folder).facts.backbone
    assert (reference.notation, reference.digest, reference.folder) == (clip.name, clip.digest, None)
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "weights.safetensors"]


def test_another_backbone_is_refused(source: Path, backbone: Backbone, tmp_path: Path) -> None:
    with pytest.raises(BackboneMismatchError, match="zegclip-mini is not the CLIP inside the file"):
        convert_upstream(
            source, tmp_path / "out", name="v", classes=(), templates=SINGLE_TEMPLATE, backbone=backbone
        )
