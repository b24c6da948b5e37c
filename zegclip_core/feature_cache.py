"""Encoded images, kept in memory and on disk, so that no image goes through the tower twice."""

import hashlib
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from zegclip_core.encoding import EncodedImage
from zegclip_core.file_cache import FileCache
from zegclip_core.heads import HeadFeatures
from zegclip_core.image_edges import ImageEdges
from zegclip_core.segmenter import Segmenter
from zegclip_core.windows import Window, WindowPlan

_log = logging.getLogger(__name__)
Array = NDArray[Any]
_FORMAT = 2
# Images that wait to be written. A disk slower than the model holds it up then, instead of filling memory.
_MOST_WAITING = 8


@dataclass(slots=True)
class CacheCounts:
    """How often an image was found, and where.

    Attributes:
        memory: found in memory.
        disk: found on disk.
        encoded: found nowhere and encoded.

    """

    memory: int = 0
    disk: int = 0
    encoded: int = 0


@dataclass(frozen=True, slots=True)
class _Packed:
    """An encoded image at half precision.

    Attributes:
        plan: where the model looked.
        patches: (D, h, w) float16 of each window.
        globals_: (D,) float16 of each window.
        edges: the image (h, w, 3) uint8 and, once somebody asked for it, the guide of its edges.
        size: height and width of the original.

    """

    plan: WindowPlan
    patches: tuple[NDArray[np.float16], ...]
    globals_: tuple[NDArray[np.float16], ...]
    edges: ImageEdges
    size: tuple[int, int]

    @property
    def bytes(self) -> int:
        """What it takes in memory now."""
        arrays: tuple[Array, ...] = (*self.patches, *self.globals_)
        return sum(array.nbytes for array in arrays) + self.edges.bytes


@dataclass(slots=True)
class FeatureCache:
    """Encoded images by content, encoder and sizes; safe for many threads, its folder for many processes.

    Features are kept at half precision, and what was just encoded is rounded in the same way: an image gives
    the same masks whether it was found or not. The guide of an image's edges is kept with it, in memory only.

    Attributes:
        memory_bytes: cap of what is kept in memory; the images unused longest go first.
        files: what is kept on disk; None for nothing.
        writer: writes the files while the caller goes on; None lets the caller write.
        counts: how often which way was taken.
        kept_bytes: what is kept in memory now.

    """

    memory_bytes: int
    files: FileCache | None = None
    writer: Executor | None = None
    counts: CacheCounts = field(default_factory=CacheCounts)
    _kept: OrderedDict[str, _Packed] = field(default_factory=OrderedDict)
    _weights: dict[str, int] = field(default_factory=dict)
    kept_bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _places: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_MOST_WAITING))

    def encode(
        self, segmenter: Segmenter, content: bytes, decode: Callable[[], NDArray[np.uint8]]
    ) -> EncodedImage:
        """Return an encoded image, from memory, from disk, or by encoding it now.

        Args:
            segmenter: encodes; its head's `encoding_digest` and its sizes are part of the key.
            content: the image file; its SHA-256 is the rest of the key.
            decode: gives the file's pixels (H, W, 3) uint8; called only when the image is not found.

        """
        return self.find(segmenter, content) or self.keep(segmenter, content, segmenter.encode(decode()))

    def find(self, segmenter: Segmenter, content: bytes) -> EncodedImage | None:
        """Return an encoded image from memory or from disk; None when it has to be encoded."""
        packed = self._find(feature_key(segmenter, content))
        return None if packed is None else _unpack(packed, segmenter, seconds=0.0)

    def keep(self, segmenter: Segmenter, content: bytes, encoded: EncodedImage) -> EncodedImage:
        """Keep what was just encoded, and return it as `find` will: at half precision."""
        key = feature_key(segmenter, content)
        packed = _pack(encoded, self._edges(key, encoded.image))
        self.counts.encoded += 1
        self._keep(key, packed)
        if self.files is not None:
            self._write(self.files, key, packed)
        return _unpack(packed, segmenter, seconds=encoded.seconds)

    def _write(self, files: FileCache, key: str, packed: _Packed) -> None:
        if self.writer is None or not self._places.acquire(blocking=False):
            files.put(key, _to_bytes(packed))
            return

        def write() -> None:
            try:
                files.put(key, _to_bytes(packed))
            finally:
                self._places.release()

        self.writer.submit(write)

    def _find(self, key: str) -> _Packed | None:
        with self._lock:
            packed = self._kept.get(key)
            if packed is not None:
                self._kept.move_to_end(key)
                self.counts.memory += 1
                return packed
        data = self.files.get(key) if self.files is not None else None
        packed = _from_bytes(data, lambda image: self._edges(key, image)) if data is not None else None
        if packed is not None:
            self.counts.disk += 1
            self._keep(key, packed)
        return packed

    def _edges(self, key: str, image: NDArray[np.uint8]) -> ImageEdges:
        return ImageEdges(image, grown=lambda: self._weigh(key))

    def _keep(self, key: str, packed: _Packed) -> None:
        if packed.bytes > self.memory_bytes:
            return
        with self._lock:
            self._kept[key] = packed
            self._kept.move_to_end(key)
        self._weigh(key)

    def _weigh(self, key: str) -> None:
        """Count anew what an image takes, if it is kept, and make room."""
        with self._lock:
            packed = self._kept.get(key)
            if packed is None:
                return
            weight = packed.bytes
            self.kept_bytes += weight - self._weights.get(key, 0)
            self._weights[key] = weight
            while self.kept_bytes > self.memory_bytes:
                dropped, _ = self._kept.popitem(last=False)
                self.kept_bytes -= self._weights.pop(dropped, 0)


def feature_key(segmenter: Segmenter, content: bytes) -> str:
    """Return what an image's features depend on, as a text: content, encoder, sizes, form of storage."""
    options = segmenter.options
    parts = [
        _FORMAT,
        hashlib.sha256(content).hexdigest(),
        segmenter.head.encoding_digest,
        options.long_side,
        options.labelling.working_side,
    ]
    return json.dumps(parts)


def _pack(encoded: EncodedImage, edges: ImageEdges) -> _Packed:
    halves = [
        (features.patches[0].half().cpu().numpy(), features.global_feature[0].half().cpu().numpy())
        for features in encoded.features
    ]
    patches, globals_ = zip(*halves, strict=True)
    return _Packed(encoded.plan, patches, globals_, edges, encoded.size)


def _unpack(packed: _Packed, segmenter: Segmenter, *, seconds: float) -> EncodedImage:
    device = segmenter.head.backbone.device
    features = tuple(
        HeadFeatures(
            patches=torch.from_numpy(patches).to(device).float()[None],
            global_feature=torch.from_numpy(global_feature).to(device).float()[None],
        )
        for patches, global_feature in zip(packed.patches, packed.globals_, strict=True)
    )
    return EncodedImage(packed.plan, features, packed.edges, packed.size, seconds)


def _to_bytes(packed: _Packed) -> bytes:
    plan = packed.plan
    windows = [(w.top, w.left, w.height, w.width) for w in plan.windows]
    # safetensors writes memory as it lies: rows first is what it reads. The picture is not compressed: as PNG
    # a photograph would be a third smaller, for a tenth of the tower's time.
    tensors: dict[str, Array] = {
        "patches": np.ascontiguousarray(np.stack(packed.patches)),
        "globals": np.ascontiguousarray(np.stack(packed.globals_)),
        "plan": np.array([plan.height, plan.width, *packed.size], np.int32),
        "windows": np.array(windows, np.int32),
        "image": np.ascontiguousarray(packed.edges.image),
    }
    return save({**tensors, "digest": _digest(tensors)})


def _from_bytes(data: bytes, edges: Callable[[NDArray[np.uint8]], ImageEdges]) -> _Packed | None:
    """Read what `_to_bytes` wrote, or None for anything that is damaged."""
    try:
        tensors = load(data)
        digest = tensors.pop("digest")
        if not np.array_equal(digest, _digest(tensors)):
            raise ValueError("its digest is another one")
        height, width, *size = (int(number) for number in tensors["plan"])
        windows = tuple(Window(*(int(number) for number in window)) for window in tensors["windows"])
        return _Packed(
            plan=WindowPlan(height, width, windows),
            patches=tuple(tensors["patches"]),
            globals_=tuple(tensors["globals"]),
            edges=edges(tensors["image"]),
            size=(size[0], size[1]),
        )
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        _log.warning("kept features are damaged and computed again: %s", error)
        return None


def _digest(tensors: dict[str, Array]) -> NDArray[np.uint8]:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].shape} {tensors[name].dtype} ".encode())
        digest.update(np.ascontiguousarray(tensors[name]).tobytes())
    return np.frombuffer(digest.digest(), np.uint8)
