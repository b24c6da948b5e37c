"""Packing a trained ZegCLIP: the packaged name, half the size, only on the embedded model."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.zegclip_core.checkpoints.trained import facts_of, trained_model
from training.pretrain.__main__ import main
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import parse_notation
from zegclip_core.checkpoints.compact import save_checkpoint
from zegclip_core.labels import parse_words
from zegclip_core.segmenter import build_segmenter


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone(parse_notation("zegclip-mini"))


def test_the_packed_model_paints_as_the_run_s(
    backbone: Backbone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = trained_model(backbone)
    facts = facts_of(model, backbone)
    save_checkpoint(tmp_path / "run" / "model", model, facts)
    out = tmp_path / "packed"
    assert main(["decoder", "--run", str(tmp_path / "run"), "--out", str(out)]) == 0
    assert f"written: {out}" in capsys.readouterr().out
    document = json.loads((out / "manifest.json").read_text())
    assert document["name"] == "zegclip-mini-decoder"
    assert document["recipe"] == facts.recipe
    before, after = (build_segmenter(str(one), device="cpu") for one in (tmp_path / "run" / "model", out))
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    labels = parse_words("cat, dog")
    first, second = (one.patch_logits(one.encode(image), labels) for one in (before, after))
    np.testing.assert_allclose(second, first, atol=0.02)


def test_a_model_on_other_weights_is_refused(
    backbone: Backbone, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = trained_model(backbone)
    facts = facts_of(model, backbone)
    other = replace(facts, backbone=replace(facts.backbone, notation="ViT-B-16/openai"))
    save_checkpoint(tmp_path / "run" / "model", model, other)
    assert main(["decoder", "--run", str(tmp_path / "run"), "--out", str(tmp_path / "packed")]) == 1
    assert "only a ZegCLIP on zegclip-mini can come with the package" in capsys.readouterr().err
    assert not (tmp_path / "packed").exists()
