"""The authors' published files: same output as their model, and a reason for every file that is none."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.zegclip_core import numpy_zegclip
from tests.zegclip_core.upstream_files import (
    DECODER_LAYERS,
    DIM,
    PATCH,
    PROMPTS,
    SIDE,
    as_arrays,
    save_upstream,
    upstream_state,
    without_text_tower,
)
from zegclip_core import load_upstream_checkpoint
from zegclip_core.errors import UpstreamCheckpointError

TEXT = torch.nn.functional.normalize(torch.randn(5, DIM, generator=torch.Generator().manual_seed(9)), dim=1)


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return upstream_state(vocabulary=50)


@pytest.fixture(scope="module")
def published(state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_upstream(tmp_path_factory.mktemp("published") / "voc_inductive.pth", state)


def test_the_layout_has_as_many_tensors_as_the_published_files(state: dict[str, Tensor]) -> None:
    assert len(state) == 376
    assert len(without_text_tower(state)) == 227


@pytest.mark.parametrize(
    "size", [(SIDE, SIDE), (2, 5), (7, 4), (1, 1)], ids=lambda size: f"{size[0]}x{size[1]}"
)
def test_features_and_logits_are_those_of_the_paper(
    published: Path, state: dict[str, Tensor], size: tuple[int, int]
) -> None:
    model = load_upstream_checkpoint(published)
    image = torch.randn(3, size[0] * PATCH, size[1] * PATCH, generator=torch.Generator().manual_seed(1))
    arrays = as_arrays(state)
    patches, global_feature = numpy_zegclip.encode(arrays, image.double().numpy())
    logits = numpy_zegclip.decode(arrays, patches, global_feature, TEXT.double().numpy())

    with torch.no_grad():
        own_patches, own_global = model.encode_image(image.unsqueeze(0))
        own_logits = model(image.unsqueeze(0), TEXT)

    np.testing.assert_allclose(own_patches[0].permute(1, 2, 0), patches, atol=2e-5)
    np.testing.assert_allclose(own_global[0], global_feature, atol=2e-5)
    np.testing.assert_allclose(own_logits[0], logits, atol=1e-4)
    assert np.abs(logits).max() > 0.1, "logits near zero would prove nothing"


def test_sizes_are_read_off_the_tensors_and_quirks_are_on(published: Path) -> None:
    options = load_upstream_checkpoint(published).options
    assert (options.prompt_tokens, options.decoder_layers) == (PROMPTS, DECODER_LAYERS)
    assert options.position_grid == (SIDE, SIDE)
    assert options.class_embedding_twice
    assert options.position_interpolation == "bilinear"
    assert options.normalisation == "imagenet"
    assert (options.prompt_norm, options.prompt_norm_epsilon) == (True, 1e-6)


def test_images_are_normalised_as_mmsegmentation_does(published: Path) -> None:
    image = torch.tensor([255, 0, 128], dtype=torch.uint8).view(1, 3, 1, 1)
    normalised = load_upstream_checkpoint(published).normalise(image).flatten()
    expected = [(255 - 123.675) / 58.395, (0 - 116.28) / 57.12, (128 - 103.53) / 57.375]
    np.testing.assert_allclose(normalised, expected, rtol=1e-5)


def test_only_prompts_descriptor_and_decoder_can_be_trained(published: Path) -> None:
    model = load_upstream_checkpoint(published)
    assert not model.training
    assert {name.split(".")[0] for name, _ in model.learned_parameters()} == {
        "encoder",
        "descriptor",
        "decoder",
    }
    assert not any("visual" in name for name, _ in model.learned_parameters())


@pytest.mark.parametrize("form", ["bare", "parallel", "without text tower", "half precision"])
def test_other_ways_to_save_the_same_model_load_alike(
    published: Path, state: dict[str, Tensor], tmp_path: Path, form: str
) -> None:
    path = tmp_path / "other.pth"
    match form:
        case "bare":
            torch.save(state, path)
        case "parallel":
            save_upstream(path, {f"module.{name}": tensor for name, tensor in state.items()})
        case "without text tower":
            save_upstream(path, without_text_tower(state))
        case "half precision":
            save_upstream(path, {name: tensor.half() for name, tensor in state.items()})
    expected, loaded = load_upstream_checkpoint(published), load_upstream_checkpoint(path)
    tolerance = 1e-2 if form == "half precision" else 0.0
    for (name, one), other in zip(expected.state_dict().items(), loaded.state_dict().values(), strict=True):
        assert other.dtype == torch.float32
        torch.testing.assert_close(other, one, atol=tolerance, rtol=tolerance, msg=name)


def renamed(state: dict[str, Tensor], old: str, new: str) -> dict[str, Tensor]:
    return {name.replace(old, new): tensor for name, tensor in state.items()}


def test_relatives_of_zegclip_are_recognised_by_their_tensors(
    state: dict[str, Tensor], tmp_path: Path
) -> None:
    own = without_text_tower(state)
    relatives = {
        "Cascade-CLIP": renamed(own, "decode_head.decoder_1.", "decode_head.cascade_decoders.0."),
        "CLIP-RC": {**own, "decode_head.lateral_proj.weight": torch.zeros(16, 48)},
        "TagCLIP": {**own, "decode_head.disc_token": torch.zeros(1, 16)},
    }
    for name, tensors in relatives.items():
        path = save_upstream(tmp_path / f"{name}.pth", tensors)
        with pytest.raises(UpstreamCheckpointError, match=f"it is a {name}"):
            load_upstream_checkpoint(path)


def test_otseg_has_the_same_tensors_and_is_told_apart_by_its_configuration(
    state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = save_upstream(tmp_path / "otseg.pth", without_text_tower(state), model_type="OTSeg")
    with pytest.raises(UpstreamCheckpointError, match="type='OTSeg'"):
        load_upstream_checkpoint(path)


def test_a_plain_clip_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "clip.pth"
    torch.save({"visual.conv1.weight": torch.zeros(64, 3, 4, 4), "logit_scale": torch.zeros(())}, path)
    with pytest.raises(UpstreamCheckpointError, match="plain CLIP"):
        load_upstream_checkpoint(path)


def test_openais_archive_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "ViT-B-16.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("clip/constants.pkl", b"")
        archive.writestr("clip/version", b"3")
    with pytest.raises(UpstreamCheckpointError, match="TorchScript"):
        load_upstream_checkpoint(path)


@pytest.mark.parametrize(
    "lost", ["decode_head.q_proj.weight", "backbone.deep_prompt_embeddings", "backbone.conv1.weight"]
)
def test_a_missing_tensor_is_named(state: dict[str, Tensor], tmp_path: Path, lost: str) -> None:
    tensors = without_text_tower(state)
    del tensors[lost]
    with pytest.raises(UpstreamCheckpointError, match=lost):
        load_upstream_checkpoint(save_upstream(tmp_path / "lossy.pth", tensors))


@pytest.mark.parametrize(
    ("name", "tensor", "reason"),
    [
        ("decode_head.q_proj.weight", torch.zeros(16, 16), r"q_proj.weight \(16, 16\) instead of \(16, 32\)"),
        ("backbone.deep_prompt_embeddings", torch.zeros(5, 3, 64), r"\(5, 3, 64\) instead of \(11, 3, 64\)"),
        ("backbone.positional_embedding", torch.zeros(9, 64), "square number"),
        ("backbone.proj", torch.zeros(64), "expected 2 sides"),
        ("backbone.proj", torch.full((64, 16), torch.nan), "no numbers: backbone.proj"),
        ("decode_head.conv_seg.weight", torch.zeros(16, 16), "conv_seg.weight, which ZegCLIP does not have"),
    ],
)
def test_odd_tensors_are_named(
    state: dict[str, Tensor], tmp_path: Path, name: str, tensor: Tensor, reason: str
) -> None:
    tensors = {**without_text_tower(state), name: tensor}
    with pytest.raises(UpstreamCheckpointError, match=reason):
        load_upstream_checkpoint(save_upstream(tmp_path / "odd.pth", tensors))


@pytest.mark.parametrize("content", [b"", b"no checkpoint", b"PK\x03\x04 broken"])
def test_files_that_are_no_checkpoints_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.pth"
    path.write_bytes(content)
    with pytest.raises(UpstreamCheckpointError, match=r"file\.pth is no published ZegCLIP model"):
        load_upstream_checkpoint(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UpstreamCheckpointError, match="there is no such file"):
        load_upstream_checkpoint(tmp_path / "missing.pth")


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("ran"),))  # type: ignore[return-value]


def test_code_in_a_file_is_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": Malicious()}, tmp_path / "bad.pth")
    with pytest.raises(UpstreamCheckpointError, match="cannot be read as plain tensors"):
        load_upstream_checkpoint(tmp_path / "bad.pth")
    assert not (tmp_path / "ran").exists()
