"""An adaptation on disk is a model like any other."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from zegclip_core.adaptation.files import (
    AdaptationFacts,
    adaptation_manifest,
    adapted_sizes,
    load_adaptation,
    save_adaptation,
)
from zegclip_core.adaptation.head import AdaptedHead
from zegclip_core.adaptation.model import Adaptation
from zegclip_core.backbones.backbone import Backbone, InputSizes
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import parse_notation
from zegclip_core.checkpoints.facts import BackboneReference
from zegclip_core.errors import BackboneMismatchError, CheckpointDamagedError, CheckpointError
from zegclip_core.labels import Label
from zegclip_core.segmenter import build_segmenter
from zegclip_core.text_bank import TextBank

WORDS = ("gasket", "flange")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone(parse_notation("zegclip-mini"))


@pytest.fixture
def adaptation(backbone: Backbone) -> Adaptation:
    assert backbone.none_cosine is not None
    text, _ = TextBank(backbone=backbone).embed([Label(word, (word,)) for word in WORDS])
    made = Adaptation(text=text, logit_scale=backbone.logit_scale, none_cosine=backbone.none_cosine, hidden=4)
    with torch.no_grad():
        made.biases[1] = 50.0
    return made


@pytest.fixture
def folder(tmp_path: Path, adaptation: Adaptation, backbone: Backbone) -> Path:
    facts = AdaptationFacts(
        name="zegclip-mini+workshop",
        backbone=BackboneReference(notation="zegclip-mini", digest=backbone.digest),
        sizes=InputSizes(multiple=32, long_side=256),
        words=WORDS,
        hidden=4,
        seen=("flange",),
        recipe={"iterations": 3},
    )
    save_adaptation(tmp_path / "model", adaptation, facts)
    return tmp_path / "model"


def change_manifest(folder: Path, **changes: object) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def load(folder: Path, backbone: Backbone) -> Adaptation:
    manifest = adaptation_manifest(folder)
    assert manifest is not None
    return load_adaptation(folder, manifest, backbone)


def test_it_comes_back_as_it_was(folder: Path, adaptation: Adaptation, backbone: Backbone) -> None:
    loaded = load(folder, backbone).state_dict()
    for name, value in adaptation.state_dict().items():
        torch.testing.assert_close(loaded[name], value)


def test_its_folder_is_a_notation_that_paints_what_was_learned(folder: Path) -> None:
    segmenter = build_segmenter(str(folder), device="cpu")
    assert isinstance(segmenter.head, AdaptedHead)
    assert segmenter.model_version.startswith("zegclip-mini+workshop@")
    painted = segmenter.segment(np.full((64, 96, 3), 127, np.uint8), [Label(word, (word,)) for word in WORDS])
    assert set(np.unique(painted.label_map)) == {2}


def test_it_looks_as_it_did_when_it_learned(folder: Path, backbone: Backbone) -> None:
    assert build_segmenter(str(folder), device="cpu").head.backbone.sizes == InputSizes(
        multiple=32, long_side=256
    )
    silent = {"backbone": {}, "hidden": 4}
    assert adapted_sizes(folder, silent, backbone) == backbone.sizes
    with pytest.raises(CheckpointError, match="sizes"):
        adapted_sizes(folder, {**silent, "sizes": {"multiple": 32, "glasses": 2}}, backbone)


def test_one_altered_byte_is_noticed(folder: Path, backbone: Backbone) -> None:
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointDamagedError, match="altered"):
        load(folder, backbone)


def test_another_backbone_is_refused(folder: Path, backbone: Backbone) -> None:
    change_manifest(folder, backbone={"notation": "zegclip-mini", "digest": "f" * 64, "folder": None})
    with pytest.raises(BackboneMismatchError, match="learned on"):
        load(folder, backbone)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"format": "zegclip-compact"}'])
def test_a_folder_without_its_manifest_holds_no_adaptation(folder: Path, content: str | None) -> None:
    (folder / "manifest.json").unlink()
    if content is not None:
        (folder / "manifest.json").write_text(content)
    assert adaptation_manifest(folder) is None


def test_a_newer_version_and_missing_entries_are_refused(folder: Path) -> None:
    change_manifest(folder, version=2)
    with pytest.raises(CheckpointError, match="version 2"):
        adaptation_manifest(folder)
    document = json.loads((folder / "manifest.json").read_text()) | {"version": 1}
    del document["hidden"]
    (folder / "manifest.json").write_text(json.dumps(document))
    with pytest.raises(CheckpointError, match="hidden"):
        adaptation_manifest(folder)


def test_weights_of_another_size_are_refused(folder: Path, backbone: Backbone) -> None:
    change_manifest(folder, hidden=5)
    with pytest.raises(CheckpointError, match="do not belong together"):
        load(folder, backbone)
