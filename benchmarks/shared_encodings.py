"""Models that stand on one tower measure the same images without encoding them again and again."""

import hashlib

from torch import Tensor

from zegclip_core.heads import HeadFeatures, SegmentationHead

_ENCODED: dict[tuple[str, str], HeadFeatures] = {}


def share_encodings(head: SegmentationHead) -> None:
    """Let a head remember what it encodes, together with all other heads of the same tower.

    Features of an image of 320 pixels take half a megabyte; nothing is ever forgotten.
    """
    encode = head.encode

    def once(images: Tensor) -> HeadFeatures:
        content = repr(images.shape).encode() + images.cpu().numpy().tobytes()
        key = (head.encoding_digest, hashlib.sha256(content).hexdigest())
        if key not in _ENCODED:
            _ENCODED[key] = encode(images)
        return _ENCODED[key]

    if getattr(encode, "__name__", "") != "once":
        head.encode = once  # type: ignore[method-assign]
