"""A tiny architecture that open_clip knows, published on a hub of this machine."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save

from tests.hub_server import HubFile, HubServer
from tests.tiny_clip import ARCHITECTURE, NAME, tiny_clip
from zegclip_core.backbones import notation
from zegclip_core.guarded_open_clip import open_clip

REPOSITORY = "stand-in/tiny"
WEIGHTS_FILE = f"{REPOSITORY}/open_clip_model.safetensors"
MEAN, STD = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)


@pytest.fixture(scope="session")
def tiny_weights() -> dict[str, torch.Tensor]:
    return {name: tensor.contiguous() for name, tensor in tiny_clip(seed=7).state_dict().items()}


@pytest.fixture(scope="session")
def tiny_file(tiny_weights: dict[str, torch.Tensor]) -> bytes:
    return bytes(save(tiny_weights))


@pytest.fixture
def tiny_architecture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make the tiny architecture one of open_clip's, with weights published as `random` and `quick`."""
    config = tmp_path / "configs" / f"{NAME}.json"
    config.parent.mkdir()
    config.write_text(json.dumps(ARCHITECTURE))
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, NAME, ARCHITECTURE)
    entry = {"url": "", "hf_hub": f"{REPOSITORY}/", "mean": MEAN, "std": STD}
    tags = {"random": entry, "quick": entry | {"quick_gelu": True}}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, NAME, tags)
    monkeypatch.setattr(notation, "open_clip_architectures", lambda: frozenset({NAME}))
    return NAME


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tiny_file: bytes) -> Iterator[HubServer]:
    """A hub that has the tiny weights; the client in this process is pointed to it."""
    with HubServer() as server:
        server.files[WEIGHTS_FILE] = HubFile(tiny_file)
        point_hub_client_to(server.url, monkeypatch)
        yield server


def point_hub_client_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
