"""Weight files that open_clip publishes: put in place by hand, kept in the cache, or brought from the hub."""

import re
from pathlib import Path
from typing import Any

from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
from tqdm import tqdm

from zegclip_core.backbones.notation import DEFAULT_MODEL, WEIGHT_SUFFIXES, file_digest
from zegclip_core.errors import DownloadError, UnknownModelError, WeightsError
from zegclip_core.guarded_open_clip import open_clip

# Names that open_clip publishes its weights under; the first one needs no unpickling.
_PUBLISHED_NAMES = (open_clip.constants.HF_SAFE_WEIGHTS_NAME, open_clip.constants.HF_WEIGHTS_NAME)
# The hub names files of its large file storage by their SHA-256.
_SHA256 = re.compile(r"[0-9a-f]{64}")


class _NoProgress(tqdm):  # type: ignore[type-arg]
    """A progress bar that draws nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"disable": True})


def pretrained_config(architecture: str, pretrained: str) -> dict[str, Any]:
    """Return what open_clip knows about published weights: `hf_hub`, `mean`, `std`, `quick_gelu` and more.

    Raises `UnknownModelError` that lists the tags there are for the architecture.
    """
    config: dict[str, Any] = open_clip.get_pretrained_cfg(architecture, pretrained)
    if not config:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(architecture)) or "none"
        raise UnknownModelError(
            f"{architecture}/{pretrained}: nothing is published under {pretrained!r} for this architecture; "
            f"there is: {tags}"
        )
    return config


def find_or_download(
    architecture: str, pretrained: str, *, cache_dir: Path | None, show_progress: bool
) -> Path:
    """Return the weight file of an open_clip model.

    Looked for in this order: `cache_dir/ARCHITECTURE/PRETRAINED.safetensors` (or `.pt`, `.pth`, `.bin`), put
    there by hand; what an earlier download left in `cache_dir/hub`; the Hugging Face hub, or the mirror of
    it that `HF_ENDPOINT` names. A file from the hub must have the SHA-256 that the hub announced.

    Raises `UnknownModelError` for a tag that is not published, `DownloadError` when the hub cannot be reached
    or has no such file, `WeightsError` for a file with another SHA-256, which is deleted.
    """
    repository = str(pretrained_config(architecture, pretrained)["hf_hub"])
    placed = _placed_by_hand(architecture, pretrained, cache_dir)
    if placed is not None:
        return placed
    repository_id, _, file_name = repository.rpartition("/")
    names = (file_name,) if file_name else _PUBLISHED_NAMES
    hub_cache = None if cache_dir is None else cache_dir / "hub"
    path = _in_cache(repository_id, names, hub_cache)
    if path is None:
        try:
            path = _download(repository_id, names, hub_cache, show_progress)
        # What the hub's client raises depends on the transport below it and on where it failed.
        except Exception as error:
            raise DownloadError(
                _no_download(architecture, pretrained, repository_id, cache_dir, error)
            ) from error
    _require_announced_digest(path)
    return path


def _placed_by_hand(architecture: str, pretrained: str, cache_dir: Path | None) -> Path | None:
    if cache_dir is None:
        return None
    places = (cache_dir / architecture / f"{pretrained}{suffix}" for suffix in WEIGHT_SUFFIXES)
    return next((place for place in places if place.is_file()), None)


def _in_cache(repository_id: str, names: tuple[str, ...], hub_cache: Path | None) -> Path | None:
    """What has been downloaded once is used without asking the hub, so that it works without a network."""
    for name in names:
        try:
            return Path(hf_hub_download(repository_id, name, cache_dir=hub_cache, local_files_only=True))
        except LocalEntryNotFoundError:
            continue
    return None


def _download(
    repository_id: str, names: tuple[str, ...], hub_cache: Path | None, show_progress: bool
) -> Path:
    """Bring the first of the names that the repository has; a broken transfer goes on where it ended."""
    bar = tqdm if show_progress else _NoProgress
    *preferred, last = names
    for name in preferred:
        try:
            return Path(hf_hub_download(repository_id, name, cache_dir=hub_cache, tqdm_class=bar))
        except LocalEntryNotFoundError:
            raise
        except EntryNotFoundError:
            continue
    return Path(hf_hub_download(repository_id, last, cache_dir=hub_cache, tqdm_class=bar))


def _require_announced_digest(path: Path) -> None:
    """The hub's client compares sizes only; a file of the right size can still be another one."""
    blob = path.resolve()
    announced = blob.name
    if not _SHA256.fullmatch(announced):
        return
    digest = file_digest(blob)
    if digest != announced:
        path.unlink()
        blob.unlink(missing_ok=True)
        raise WeightsError(
            f"{path.name} has the SHA-256 {digest}, the hub announced {announced}; it is deleted. "
            "Start again to download it once more; if this repeats, something on the way alters files"
        )


def _no_download(
    architecture: str, pretrained: str, repository_id: str, cache_dir: Path | None, error: Exception
) -> str:
    address = f"{constants.ENDPOINT}/{repository_id}/resolve/main/{_PUBLISHED_NAMES[0]}"
    if cache_dir is None:
        place = f"anywhere and name the model {architecture}/path/to/that/file"
    else:
        place = f"to {cache_dir / architecture / f'{pretrained}.safetensors'}"
    return (
        f"{architecture}/{pretrained} could not be downloaded: {error}. "
        f"Without a network, choose {DEFAULT_MODEL}, which comes with this package; or bring the file "
        f"{address} from another machine {place}"
    )
