"""The folder of a compact checkpoint is a model's notation like every other."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.zegclip_core.checkpoints.trained import facts_of, trained_model
from zegclip_core import ZegCLIP
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.backbones.loading import load_backbone
from zegclip_core.backbones.notation import model_version, parse_notation
from zegclip_core.checkpoints.compact import save_checkpoint
from zegclip_core.checkpoints.loading import learned_on, load_head
from zegclip_core.errors import (
    BackboneMismatchError,
    CheckpointDamagedError,
    CheckpointError,
    WeightsError,
)
from zegclip_core.labels import parse_words
from zegclip_core.segmenter import Segmenter, build_segmenter
from zegclip_core.zegclip.head import ZegCLIPHead


@pytest.fixture
def folder(tmp_path: Path, model: ZegCLIP, backbone: Backbone) -> Path:
    save_checkpoint(tmp_path / "v1.5", model, facts_of(model, backbone))
    return tmp_path / "v1.5"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, model: ZegCLIP, backbone: Backbone) -> Path:
    """A checkpoint that no test changes."""
    folder = tmp_path_factory.mktemp("kept") / "model"
    save_checkpoint(folder, model, facts_of(model, backbone))
    return folder


@pytest.fixture(scope="module")
def segmenter(kept: Path) -> Segmenter:
    return build_segmenter(str(kept), device="cpu")


@pytest.fixture(scope="module")
def head(segmenter: Segmenter) -> ZegCLIPHead:
    assert isinstance(segmenter.head, ZegCLIPHead)
    return segmenter.head


def edit_manifest(folder: Path, part: str, key: str, value: object) -> None:
    path = folder / "manifest.json"
    document = json.loads(path.read_bytes())
    document[part][key] = value
    path.write_text(json.dumps(document))


def test_a_trained_model_tells_what_it_stands_on(kept: Path) -> None:
    assert learned_on(str(kept)) == "zegclip-mini"
    assert learned_on("zegclip-mini-decoder") == "zegclip-mini"
    assert [learned_on(name) for name in ("zegclip-mini-fast", "ViT-B-16/openai")] == [
        "zegclip-mini-fast",
        "ViT-B-16/openai",
    ]


def test_a_trained_model_is_no_clip_to_train_on(kept: Path) -> None:
    with pytest.raises(WeightsError, match=r"is a trained model.*--start-from"):
        load_backbone(parse_notation(str(kept)))


def test_the_decoder_in_the_package_is_zegclip_proper_and_looks_twice() -> None:
    segmenter = build_segmenter("zegclip-mini-decoder", device="cpu")
    assert isinstance(segmenter.head, ZegCLIPHead)
    model, sizes = segmenter.head.model, segmenter.head.backbone.sizes
    assert model.encoder.prompts is not None
    assert (model.options.prompt_tokens, model.options.descriptor) == (10, "product_text")
    assert (sizes.long_side, sizes.context_side) == (512, 320)
    assert {tensor.dtype for tensor in model.state_dict().values()} == {torch.float32}


@torch.no_grad()
def test_the_loaded_model_scores_as_the_saved_one(
    head: ZegCLIPHead, model: ZegCLIP, backbone: Backbone
) -> None:
    pixels = torch.randint(0, 255, (1, 3, 64, 32), generator=torch.Generator().manual_seed(0)).byte()
    text = backbone.encode_text(["a cat", "a dog"])
    expected = model(model.normalise(pixels), text)
    torch.testing.assert_close(head.model(head.backbone.normalise(pixels), text), expected)


def test_the_head_works_as_the_manifest_says(head: ZegCLIPHead, backbone: Backbone) -> None:
    assert head.seen_bias == 0.2
    assert head.none_probability == 0.4
    assert head.backbone.templates == ("a photo of a {}.", "{}")
    assert head.backbone.sizes == backbone.sizes
    assert head.backbone.digest == backbone.digest, "text features of the backbone are shared"


def test_words_of_seen_classes_and_their_synonyms_are_known(segmenter: Segmenter, head: ZegCLIPHead) -> None:
    text, _ = segmenter.text_bank.embed(parse_words("house plant, sofa, potted_plant, dog"))
    assert head.seen(text).tolist() == [True, False, True, False]


def test_it_paints_under_its_name_and_the_digest_of_its_weights(segmenter: Segmenter, kept: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    assert segmenter.segment(image, parse_words("cat, dog")).label_map.shape == (40, 60)
    digest = json.loads((kept / "manifest.json").read_bytes())["weights"]["sha256"]
    assert segmenter.model_version == f"kitchen@{digest[:12]}"


def test_the_version_is_the_same_without_loading_anything(segmenter: Segmenter, kept: Path) -> None:
    assert model_version(parse_notation(str(kept))) == segmenter.model_version


def test_a_folder_is_called_by_its_whole_name_when_the_manifest_has_none(folder: Path) -> None:
    document = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps({**document, "name": ""}))
    assert model_version(parse_notation(f"{folder}/")).startswith("v1.5@")


def test_another_backbone_is_refused_with_a_cure(folder: Path) -> None:
    edit_manifest(folder, "backbone", "digest", "0" * 64)
    with pytest.raises(BackboneMismatchError, match=r"bring back that backbone, or train on the present one"):
        load_head(folder)


def test_options_of_another_model_are_refused(folder: Path) -> None:
    edit_manifest(folder, "options", "prompt_tokens", 3)
    with pytest.raises(CheckpointError, match=r"encoder\.prompts\.embeddings"):
        load_head(folder)


def test_a_flipped_bit_stops_the_segmenter(folder: Path) -> None:
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointDamagedError):
        build_segmenter(str(folder))


def test_the_pixel_scale_is_the_trained_models(tmp_path: Path, backbone: Backbone) -> None:
    options_model = trained_model(backbone)
    imagenet = ZegCLIP.on_backbone(
        backbone, type(options_model.options)(prompt_tokens=2, normalisation="imagenet")
    )
    save_checkpoint(tmp_path / "model", imagenet, facts_of(imagenet, backbone))
    head = load_head(tmp_path / "model")
    pixels = torch.full((1, 3, 2, 2), 200, dtype=torch.uint8)
    torch.testing.assert_close(head.backbone.normalise(pixels), imagenet.normalise(pixels))
    assert not torch.equal(head.backbone.normalise(pixels), backbone.normalise(pixels))
