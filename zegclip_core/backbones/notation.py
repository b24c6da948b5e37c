"""One notation for every model, read without torch: `zegclip-mini`, `ViT-B-16/openai`, `path/to/weights`."""

import difflib
import functools
import hashlib
import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zegclip_core.errors import UnknownModelError, WeightsError

DEFAULT_MODEL = "zegclip-mini"
# The same weights, one look at fewer pixels.
FAST_MODEL = "zegclip-mini-fast"
EMBEDDED_MODELS = (DEFAULT_MODEL, FAST_MODEL)
# ZegCLIP's deep prompts, descriptor and decoder, trained on the same weights; a folder inside this package.
# Its revision comes from its weights: whoever changes its manifest alone must rename it.
DECODER_MODEL = "zegclip-mini-decoder"
PACKAGED_WEIGHTS = Path(__file__).resolve().parent.parent / "weights"
# Raise when the shipped model starts to give other masks.
EMBEDDED_REVISION = "4"
# Raise when the same published weights start to give other masks.
OPEN_CLIP_REVISION = "1"
WEIGHT_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
CHECKPOINT_MANIFEST = "manifest.json"
_PRETRAINED_TAG = re.compile(r"[A-Za-z0-9_.\-]+")
_DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class BackboneSpec:
    """Which weights a notation means.

    Attributes:
        notation: the text it was read from.
        kind: shipped inside this package, published through open_clip, or a file of the user's.
        architecture: open_clip's name such as `ViT-B-16`; None where the file itself tells.
        pretrained: open_clip's tag such as `openai`.
        path: the file or folder of a checkpoint.

    """

    notation: str
    kind: Literal["embedded", "open_clip", "checkpoint"]
    architecture: str | None = None
    pretrained: str | None = None
    path: Path | None = None


def parse_notation(notation: str) -> BackboneSpec:
    """Read a model's notation.

    - `zegclip-mini`: the model inside this package; `zegclip-mini-fast`: the same weights, coarser and
      faster; `zegclip-mini-decoder`: a ZegCLIP trained on them
    - `ARCH/PRETRAINED`: any plain ViT that open_clip publishes, such as `ViT-B-16/openai`
    - `path/to/weights.safetensors`, or a folder: a checkpoint that says what it is made for, of a
      trained ZegCLIP or of a backbone
    - `ARCH/path/to/weights.safetensors`: a bare state dict of an open_clip architecture

    Raises `UnknownModelError` when it is none of these.
    """
    text = notation.strip()
    if text in EMBEDDED_MODELS:
        return BackboneSpec(notation=text, kind="embedded")
    if text == DECODER_MODEL:
        return BackboneSpec(notation=text, kind="checkpoint", path=PACKAGED_WEIGHTS / text)
    path = Path(text).expanduser()
    if text and path.exists():
        return BackboneSpec(notation=text, kind="checkpoint", path=path)
    architecture, _, pretrained = text.partition("/")
    if architecture not in open_clip_architectures():
        raise UnknownModelError(_unknown(text))
    if pretrained.endswith(WEIGHT_SUFFIXES):
        file = Path(pretrained).expanduser()
        return BackboneSpec(notation=text, kind="checkpoint", architecture=architecture, path=file)
    if not _PRETRAINED_TAG.fullmatch(pretrained):
        raise UnknownModelError(
            f"{text!r} does not say which weights: write {architecture}/PRETRAINED, such as ViT-B-16/openai"
        )
    return BackboneSpec(notation=text, kind="open_clip", architecture=architecture, pretrained=pretrained)


def model_name(spec: BackboneSpec) -> str:
    """Return the name that predictions carry: the notation, or what the checkpoint or its file is called."""
    if spec.path is None:
        return spec.notation
    if spec.path.is_dir():
        return _name_in_manifest(spec.path) or spec.path.resolve().name
    return f"{spec.architecture}/{spec.path.stem}" if spec.architecture else spec.path.stem


def model_revision(spec: BackboneSpec) -> str:
    """Return what tells two states of a model's weights apart; for a file, the start of its SHA-256.

    Raises `WeightsError` when the file is not there.
    """
    if spec.kind == "embedded":
        return EMBEDDED_REVISION
    if spec.path is None:
        return OPEN_CLIP_REVISION
    return file_digest(find_weights(spec.path))[:_DIGEST_LENGTH]


def model_version(spec: BackboneSpec) -> str:
    """Return `name@revision`, one and the same in every reply and prediction: `zegclip-mini@4`."""
    return f"{model_name(spec)}@{model_revision(spec)}"


def find_weights(path: Path) -> Path:
    """Return the weight file that a checkpoint's path means: itself, or the one inside the folder.

    Raises `WeightsError` when there is none, or when a folder leaves a choice.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        raise WeightsError(f"no weights at {path}: check the path")
    for suffix in WEIGHT_SUFFIXES:
        found = sorted(path.glob(f"*{suffix}"))
        if len(found) == 1:
            return found[0]
        if found:
            raise WeightsError(f"{path} holds {len(found)} {suffix} files: name the one to load")
    raise WeightsError(f"{path} holds no weight file ({', '.join(WEIGHT_SUFFIXES)})")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text; remembered until the file changes."""
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns)


def _name_in_manifest(folder: Path) -> str | None:
    """The name that a compact checkpoint gives itself; whoever loads it says what is wrong with it."""
    try:
        name = json.loads((folder / CHECKPOINT_MANIFEST).read_bytes()).get("name")
    except (OSError, ValueError, AttributeError):
        return None
    return name if isinstance(name, str) and name else None


@functools.lru_cache(maxsize=16)
def _digest(path: Path, _size: int, _modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def open_clip_architectures() -> frozenset[str]:
    """Return the names of the architectures that the installed open_clip describes."""
    spec = importlib.util.find_spec("open_clip")
    if spec is None or spec.origin is None:
        return frozenset()
    return frozenset(path.stem for path in (Path(spec.origin).parent / "model_configs").glob("*.json"))


def _unknown(text: str) -> str:
    cure = f"choose {DEFAULT_MODEL}, an open_clip model such as ViT-B-16/openai, or the path of a weight file"
    if text.endswith(WEIGHT_SUFFIXES) or text.startswith((".", "/", "~")):
        return f"no file or folder at {text!r}: check the path, or {cure}"
    names = sorted({*EMBEDDED_MODELS, DECODER_MODEL, *open_clip_architectures()})
    close = difflib.get_close_matches(text.partition("/")[0], names, n=3)
    hint = f" (close: {', '.join(close)})" if close else ""
    return f"no model is called {text!r}{hint}: {cure}"
