"""One notation for every model, read without torch."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zegclip_core.backbones.notation import (
    BackboneSpec,
    file_digest,
    find_weights,
    model_name,
    model_revision,
    model_version,
    open_clip_architectures,
    parse_notation,
)
from zegclip_core.errors import UnknownModelError, WeightsError


@pytest.mark.parametrize("text", ["zegclip-mini", "  zegclip-mini\n"])
def test_the_embedded_model(text: str) -> None:
    assert parse_notation(text) == BackboneSpec(notation="zegclip-mini", kind="embedded")
    assert model_version(parse_notation(text)) == "zegclip-mini@4"


def test_its_faster_look_is_a_model_of_its_own() -> None:
    spec = parse_notation("zegclip-mini-fast")
    assert (spec.kind, model_version(spec)) == ("embedded", "zegclip-mini-fast@4")


def test_the_trained_decoder_is_a_checkpoint_inside_the_package() -> None:
    spec = parse_notation("zegclip-mini-decoder")
    assert spec.kind == "checkpoint"
    assert spec.path is not None
    assert (spec.path / "manifest.json").is_file()
    assert model_version(spec) == f"zegclip-mini-decoder@{file_digest(find_weights(spec.path))[:12]}"


def test_published_weights_of_an_architecture() -> None:
    spec = parse_notation("ViT-B-16/openai")
    assert (spec.kind, spec.architecture, spec.pretrained) == ("open_clip", "ViT-B-16", "openai")
    assert model_version(spec) == "ViT-B-16/openai@1"


def test_a_file_of_the_users(tmp_path: Path) -> None:
    weights = tmp_path / "fine.safetensors"
    weights.write_bytes(b"weights")
    spec = parse_notation(str(weights))
    assert (spec.kind, spec.path, spec.architecture) == ("checkpoint", weights, None)
    assert model_name(spec) == "fine"
    assert model_revision(spec) == hashlib.sha256(b"weights").hexdigest()[:12]


def test_a_bare_file_with_its_architecture_need_not_be_there_yet() -> None:
    spec = parse_notation("ViT-B-16/some/where/fine.pt")
    assert (spec.kind, spec.architecture, spec.path) == ("checkpoint", "ViT-B-16", Path("some/where/fine.pt"))
    assert model_name(spec) == "ViT-B-16/fine"
    with pytest.raises(WeightsError, match=r"some/where/fine\.pt"):
        model_revision(spec)


def test_an_absolute_path_after_the_architecture_stays_absolute() -> None:
    assert parse_notation("ViT-B-16//models/fine.pt").path == Path("/models/fine.pt")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no model is called ''"),
        ("zegclip-mimi", "close: zegclip-mini"),
        ("ViT-B-61/openai", "close: .*ViT-B-16"),
        ("ViT-B-16", "ViT-B-16/PRETRAINED"),
        ("ViT-B-16/", "ViT-B-16/PRETRAINED"),
        ("ViT-B-16/open ai", "ViT-B-16/PRETRAINED"),
        ("./gone", "no file or folder at './gone'"),
        ("gone.safetensors", "no file or folder"),
    ],
)
def test_what_names_no_model_is_answered_with_what_does(text: str, words: str) -> None:
    with pytest.raises(UnknownModelError, match=words):
        parse_notation(text)


def test_a_folder_with_one_weight_file_means_that_file(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    weights = tmp_path / "model.bin"
    weights.touch()
    assert find_weights(tmp_path) == weights
    better = tmp_path / "model.safetensors"
    better.touch()
    assert find_weights(tmp_path) == better


def test_a_folder_that_leaves_a_choice_or_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weight file"):
        find_weights(tmp_path)
    for name in ("a.safetensors", "b.safetensors"):
        (tmp_path / name).touch()
    with pytest.raises(WeightsError, match=r"2 \.safetensors files"):
        find_weights(tmp_path)
    with pytest.raises(WeightsError, match="check the path"):
        find_weights(tmp_path / "gone")


def test_a_digest_follows_the_file(tmp_path: Path) -> None:
    file = tmp_path / "weights.pt"
    for content in (b"one", b"three"):
        file.write_bytes(content)
        assert file_digest(file) == hashlib.sha256(content).hexdigest()


def test_the_architectures_are_those_of_the_installed_open_clip() -> None:
    assert {"ViT-B-16", "ViT-B-32-quickgelu", "ViT-L-14-336"} <= open_clip_architectures()


def test_notations_are_read_without_torch() -> None:
    program = (
        "import sys; from zegclip_core.backbones.notation import *; "
        "model_version(parse_notation('ViT-B-16/openai')); "
        "print(sorted({'torch', 'open_clip', 'numpy'} & set(sys.modules)))"
    )
    child = subprocess.run(
        [sys.executable, "-c", program], env=dict(os.environ), capture_output=True, text=True, check=True
    )
    assert child.stdout.strip() == "[]"
