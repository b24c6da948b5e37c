"""Published weights come from the hub once, whole and unaltered, or an error tells what to do."""

import hashlib
import io
from pathlib import Path

import pytest
import torch
from huggingface_hub.utils import _http

from tests.hub_server import HubFile, HubServer
from tests.zegclip_core.backbones.conftest import REPOSITORY, WEIGHTS_FILE, point_hub_client_to
from zegclip_core.backbones.published import find_or_download, pretrained_config
from zegclip_core.errors import DownloadError, UnknownModelError, WeightsError

pytestmark = pytest.mark.usefixtures("tiny_architecture")
NAME = "ViT-tiny-16-of-tests"


def fetch(cache_dir: Path | None, *, pretrained: str = "random", show_progress: bool = False) -> Path:
    return find_or_download(NAME, pretrained, cache_dir=cache_dir, show_progress=show_progress)


def test_weights_are_downloaded_into_the_cache_folder(
    hub: HubServer, tmp_path: Path, tiny_file: bytes
) -> None:
    path = fetch(tmp_path)
    assert path.is_relative_to(tmp_path / "hub")
    assert path.read_bytes() == tiny_file


def test_what_has_been_downloaded_once_is_used_without_asking_again(hub: HubServer, tmp_path: Path) -> None:
    first = fetch(tmp_path)
    asked = len(hub.asked)
    assert fetch(tmp_path) == first
    assert len(hub.asked) == asked


def test_weights_without_safetensors_come_in_the_older_format(
    hub: HubServer, tmp_path: Path, tiny_weights: dict[str, torch.Tensor]
) -> None:
    buffer = io.BytesIO()
    torch.save(tiny_weights, buffer)
    hub.files = {f"{REPOSITORY}/open_clip_pytorch_model.bin": HubFile(buffer.getvalue())}
    assert fetch(tmp_path).name == "open_clip_pytorch_model.bin"


def test_a_broken_transfer_goes_on_where_it_ended(
    hub: HubServer, tmp_path: Path, tiny_file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The client writes in chunks of 10 MB; what is left of a chunk is fetched again.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 100)
    hub.files[WEIGHTS_FILE].breaks_after = [1000]
    assert fetch(tmp_path).read_bytes() == tiny_file
    assert hub.transfers() == [None, "bytes=1000-"]


def test_a_download_that_failed_leaves_nothing_and_the_next_start_succeeds(
    hub: HubServer, tmp_path: Path, tiny_file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every attempt of this start ends without a byte, so that the client gives up.
    hub.files[WEIGHTS_FILE].breaks_after = [0] * 6
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    with pytest.raises(DownloadError, match="zegclip-mini"):
        fetch(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size > 1000]
    assert fetch(tmp_path).read_bytes() == tiny_file


def test_a_file_with_another_digest_is_refused_named_and_removed(hub: HubServer, tmp_path: Path) -> None:
    announced = "ab" * 32
    altered = hub.files[WEIGHTS_FILE]
    found = hashlib.sha256(altered.content).hexdigest()
    hub.files[WEIGHTS_FILE] = HubFile(altered.content, announced=announced)
    with pytest.raises(WeightsError, match=f"open_clip_model.safetensors.*{found}.*{announced}"):
        fetch(tmp_path)
    assert not list(tmp_path.rglob("open_clip_model.safetensors"))
    hub.files[WEIGHTS_FILE] = HubFile(altered.content)
    assert fetch(tmp_path).read_bytes() == altered.content


def test_a_file_that_was_altered_in_the_cache_is_refused(hub: HubServer, tmp_path: Path) -> None:
    path = fetch(tmp_path)
    blob = path.resolve()
    blob.chmod(0o644)
    content = bytearray(blob.read_bytes())
    content[-1] ^= 1
    blob.write_bytes(content)
    with pytest.raises(WeightsError, match="SHA-256"):
        fetch(tmp_path)


def test_without_a_network_the_error_names_the_embedded_model_and_a_place_for_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with HubServer() as gone:
        url = gone.url
    point_hub_client_to(url, monkeypatch)
    monkeypatch.setattr(_http.time, "sleep", lambda seconds: None)
    with pytest.raises(DownloadError) as caught:
        fetch(tmp_path)
    message = str(caught.value)
    assert "zegclip-mini" in message
    assert str(tmp_path / NAME / "random.safetensors") in message
    assert f"{url}/{REPOSITORY}/resolve/main/open_clip_model.safetensors" in message


def test_without_a_cache_folder_the_error_names_the_notation_for_a_file(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    hub.files.clear()
    with pytest.raises(DownloadError, match=f"{NAME}/path/to/that/file"):
        fetch(None)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt", ".pth", ".bin"])
def test_a_file_put_in_place_by_hand_needs_no_network(hub: HubServer, tmp_path: Path, suffix: str) -> None:
    placed = tmp_path / NAME / f"random{suffix}"
    placed.parent.mkdir()
    placed.write_bytes(b"weights")
    assert fetch(tmp_path) == placed
    assert not hub.asked


def test_a_bar_shows_the_download_only_where_it_is_wished(
    hub: HubServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fetch(tmp_path / "silent")
    assert capfd.readouterr().err == ""
    fetch(tmp_path / "shown", show_progress=True)
    assert "100%" in capfd.readouterr().err


def test_an_unknown_tag_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownModelError, match=r"'openai'.*random, quick"):
        pretrained_config(NAME, "openai")
