"""Compact checkpoints: written whole or not at all, read only when every bit is right."""

import hashlib
import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.zegclip_core.checkpoints.trained import facts_of, trained_model
from zegclip_core import ZegCLIP
from zegclip_core.backbones.backbone import Backbone
from zegclip_core.checkpoints.compact import (
    is_checkpoint,
    learned_tensors,
    read_checkpoint,
    save_checkpoint,
)
from zegclip_core.checkpoints.facts import CheckpointFacts
from zegclip_core.errors import CheckpointDamagedError, CheckpointError, CheckpointWriteError


@pytest.fixture
def facts(model: ZegCLIP, backbone: Backbone) -> CheckpointFacts:
    return facts_of(model, backbone)


@pytest.fixture
def folder(tmp_path: Path, model: ZegCLIP, facts: CheckpointFacts) -> Path:
    save_checkpoint(tmp_path / "models" / "kitchen", model, facts)
    return tmp_path / "models" / "kitchen"


def edit_manifest(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    document = json.loads(path.read_bytes())
    path.write_text(json.dumps({**document, **changes}))


@contextmanager
def disk_with_room_for(content: int) -> Iterator[None]:
    """No file can grow beyond so many bytes: writing ends with an error of the system."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (content, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_learned_and_what_is_said_of_it_come_back(
    folder: Path, model: ZegCLIP, facts: CheckpointFacts
) -> None:
    checkpoint = read_checkpoint(folder)
    assert checkpoint.facts == facts
    learned = learned_tensors(model)
    assert checkpoint.weights.keys() == learned.keys()
    for name, tensor in learned.items():
        assert torch.equal(checkpoint.weights[name], tensor), name


def test_only_learned_tensors_are_kept(folder: Path) -> None:
    checkpoint = read_checkpoint(folder)
    assert not any("visual" in name for name in checkpoint.weights)
    assert {name.split(".")[0] for name in checkpoint.weights} == {"encoder", "descriptor", "decoder"}


def test_the_manifest_can_be_read_by_people(folder: Path) -> None:
    document = json.loads((folder / "manifest.json").read_text())
    assert (document["format"], document["version"]) == ("zegclip-compact", 1)
    assert document["classes"][0] == {
        "name": "potted plant",
        "prompts": ["potted plant", "house plant"],
        "seen": True,
    }
    weights = (folder / "weights.safetensors").read_bytes()
    assert document["weights"]["sha256"] == hashlib.sha256(weights).hexdigest()
    assert document["options"]["prompt_tokens"] == 2
    assert document["metrics"] == {"hIoU": 51.2}


def test_the_digest_of_the_weights_is_returned(
    tmp_path: Path, model: ZegCLIP, facts: CheckpointFacts
) -> None:
    digest = save_checkpoint(tmp_path / "model", model, facts)
    assert read_checkpoint(tmp_path / "model").digest == digest


def test_half_precision_takes_half_the_room_and_loses_little(
    tmp_path: Path, folder: Path, model: ZegCLIP, facts: CheckpointFacts
) -> None:
    save_checkpoint(tmp_path / "half", model, facts, half_precision=True)
    half = read_checkpoint(tmp_path / "half")
    sizes = [(one / "weights.safetensors").stat().st_size for one in (tmp_path / "half", folder)]
    assert sizes[0] < 0.51 * sizes[1]
    for name, tensor in learned_tensors(model).items():
        torch.testing.assert_close(half.weights[name].float(), tensor, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("place", [8, -1, 5000], ids=["header", "last byte", "middle"])
def test_one_flipped_bit_is_noticed(folder: Path, place: int) -> None:
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointDamagedError, match=r"weights\.safetensors has been altered"):
        read_checkpoint(folder)


def test_a_half_copied_file_is_noticed(folder: Path) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointDamagedError, match="altered"):
        read_checkpoint(folder)


def test_weights_that_are_gone_are_named(folder: Path) -> None:
    (folder / "weights.safetensors").unlink()
    assert not is_checkpoint(folder)
    with pytest.raises(CheckpointDamagedError, match="cannot be read"):
        read_checkpoint(folder)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 2000])
def test_a_broken_manifest_is_named(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"manifest\.json"):
        read_checkpoint(folder)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "other"}, "no zegclip-compact manifest"),
        ({"version": 2}, "version is 2, this program reads 1: update"),
        ({"options": {"prompt_tokens": -5}}, "prompt_tokens = -5"),
        ({"options": {"colour": "red"}}, "colour"),
        ({"classes": [{"name": "cat"}]}, "prompts"),
        ({"sizes": None}, "entries are not those of the format"),
    ],
)
def test_manifests_of_another_form_are_refused(folder: Path, changes: dict[str, Any], reason: str) -> None:
    edit_manifest(folder, **changes)
    with pytest.raises(CheckpointError, match=reason):
        read_checkpoint(folder)


def test_a_folder_without_checkpoint_is_named(tmp_path: Path) -> None:
    assert not is_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"there is no manifest\.json"):
        read_checkpoint(tmp_path)


def test_a_full_disk_leaves_nothing(tmp_path: Path, model: ZegCLIP, facts: CheckpointFacts) -> None:
    folder = tmp_path / "models" / "kitchen"
    with disk_with_room_for(100_000), pytest.raises(CheckpointWriteError, match="make room"):
        save_checkpoint(folder, model, facts)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_full_disk_leaves_the_older_checkpoint(folder: Path, backbone: Backbone, model: ZegCLIP) -> None:
    newer = trained_model(backbone, seed=1)
    with disk_with_room_for(100_000), pytest.raises(CheckpointWriteError):
        save_checkpoint(folder, newer, facts_of(newer, backbone))
    assert torch.equal(
        read_checkpoint(folder).weights["descriptor.projection.bias"],
        learned_tensors(model)["descriptor.projection.bias"],
    )
    assert [path.name for path in folder.parent.iterdir()] == ["kitchen"]


def test_a_newer_checkpoint_takes_the_older_ones_place(folder: Path, backbone: Backbone) -> None:
    newer = trained_model(backbone, seed=1)
    digest = save_checkpoint(folder, newer, facts_of(newer, backbone))
    assert read_checkpoint(folder).digest == digest
    assert [path.name for path in folder.parent.iterdir()] == ["kitchen"]


def test_a_folder_of_other_files_is_left_alone(
    tmp_path: Path, model: ZegCLIP, facts: CheckpointFacts
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"precious")
    with pytest.raises(CheckpointWriteError, match="holds other files"):
        save_checkpoint(tmp_path, model, facts)
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


def test_a_place_that_is_a_file_is_refused(tmp_path: Path, model: ZegCLIP, facts: CheckpointFacts) -> None:
    (tmp_path / "file").write_bytes(b"precious")
    with pytest.raises(CheckpointWriteError, match="file"):
        save_checkpoint(tmp_path / "file" / "model", model, facts)
    with pytest.raises(CheckpointWriteError, match="file"):
        save_checkpoint(tmp_path / "file", model, facts)
    assert (tmp_path / "file").read_bytes() == b"precious"
